"""The HTTP session that kopf watches through: our credentials, metadata alone, and signs of life.

kopf asks for whole objects. Of Nodes and Pods labels and annotations are all that is needed, so
the session asks for PartialObjectMetadata in its place: a tenth of the bytes.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from functools import partial
from typing import Any, cast

import aiohttp

from netvsc.access import Access

_META = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_SLIM = re.compile(r"/api/v1/(nodes|pods)")
_WORST_S = 180.0  # bookmarks come each minute, kopf gives up a silent watch after 70 s


class Pulse:
    """When each of kopf's watches last showed life: a word of the apiserver, or a request to it."""

    def __init__(
        self, paths: Iterable[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._paths = frozenset(paths)
        self._waited_for = set(self._paths)
        self._at: dict[str, float] = {}

    def beat(self, path: str) -> None:
        """Note a sign of life; requests to other paths are none of a watch."""
        if path in self._paths:
            self._at[path] = self._clock()

    def follows(self, path: str) -> bool:
        return path in self._paths

    def watched(self, path: str) -> None:
        """Note that the apiserver has taken a watch up: the kind was listed before."""
        self.beat(path)
        self._waited_for.discard(path)

    def incomplete(self) -> str | None:
        """Return what is not watched yet, None if all is (a check)."""
        missing = ", ".join(sorted(self._waited_for))
        return f"not watched yet: {missing}" if missing else None

    def stopped(self) -> str | None:
        """Return why the watches are not to be trusted, None if they are (a check)."""
        for path, at in self._at.items():
            if (age := self._clock() - at) > _WORST_S:
                return f"the watch of {path} has been silent for {age:.0f} s and is not renewed"
        return None


Listed = Callable[[str, Collection[str]], None]


def session(
    access: Access, pulse: Pulse, *, listed: Listed = lambda _path, _there: None
) -> aiohttp.ClientSession:
    """Return a session; its token is read anew for each request, since kubelets renew it.

    `listed` hears of each listing that is complete: kopf does not tell what it lacks.
    """
    pages: dict[str, set[str]] = {}

    def page(path: str, answer: Any, *, first: bool) -> None:
        names = pages[path] = set() if first else pages.get(path, set())
        names |= {_key(one["metadata"]) for one in answer.get("items") or []}
        if not (answer.get("metadata") or {}).get("continue"):
            listed(path, pages.pop(path))

    async def middleware(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.headers.update(access.headers())
        path = request.url.path
        watch, slim = "watch" in request.url.query, _SLIM.fullmatch(path)
        if slim:
            request.headers["Accept"] = _META.format("" if watch else "List")
        pulse.beat(path)
        response = await handler(request)
        if watch and response.ok:
            pulse.watched(path)
            response.content = cast("aiohttp.StreamReader", _Heard(response.content, path, pulse))
        elif response.ok and pulse.follows(path):
            first = "continue" not in request.url.query
            response.json = partial(  # type: ignore[method-assign]
                _with_items, response.json, partial(page, path, first=first)
            )
        return response

    connector = aiohttp.TCPConnector(ssl=access.tls() or False)
    return aiohttp.ClientSession(connector=connector, middlewares=(middleware,))


def _key(meta: dict[str, Any]) -> str:
    return "/".join(part for part in (meta.get("namespace"), meta["name"]) if part)


async def _with_items(
    read: Callable[..., Awaitable[Any]], took: Callable[[Any], None], **how: Any
) -> Any:
    """Read a list; an empty one of partial metadata has `items: null`, which kopf cannot take."""
    answer = await read(**how)
    if isinstance(answer, dict) and answer.get("items", ()) is None:
        answer["items"] = []
    if isinstance(answer, dict) and "items" in answer:
        took(answer)
    return answer


class _Heard:
    """A response's content that tells of each piece which arrives."""

    def __init__(self, content: aiohttp.StreamReader, path: str, pulse: Pulse) -> None:
        self._content = content
        self._path = path
        self._pulse = pulse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._content, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        async for chunk in self._content.iter_chunked(size):
            self._pulse.beat(self._path)
            yield chunk
