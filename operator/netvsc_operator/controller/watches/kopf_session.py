"""The HTTP session that kopf watches through: our credentials, metadata alone, and signs of life.

kopf takes a session (its documentation, "Custom HTTP sessions"), and aiohttp takes middlewares for
one: more than these two hooks is not used. Of Nodes and Pods labels and annotations are all that is
needed, so PartialObjectMetadata is asked for in their place: a tenth of the bytes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

import aiohttp

from netvsc_operator.api_errors import Unavailable
from netvsc_operator.kube.client import parsed
from netvsc_operator.kube.connection import ApiConnection

_PLAIN = "application/json"
_META = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
_SLIM = re.compile(r"/api/v1/(nodes|pods)")
SERVER_S = 60  # the apiserver ends a watch after this, and kopf asks for the next one
_WORST_S = SERVER_S + 120.0  # kopf itself gives up a watch after 70 s of silence


class WatchLiveness:
    """When kopf last asked for each of its watches: whether somebody still follows them."""

    def __init__(
        self, paths: Iterable[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._paths = frozenset(paths)
        self._waited_for = set(self._paths)
        self._at: dict[str, float] = {}

    def begin(self) -> None:
        """Forget what kopf did before it was started anew."""
        self._waited_for = set(self._paths)
        self._at.clear()

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
    connection: ApiConnection,
    liveness: WatchLiveness,
    *,
    listed: Listed = lambda _path, _there: None,
) -> aiohttp.ClientSession:
    """Return a session; whatever is wrong with an answer is raised as kopf tries again after.

    `listed` is called with each complete listing: kopf does not say what it lacks.
    """
    pages: dict[str, set[str]] = {}

    def page(path: str, answer: dict[str, Any], *, first: bool) -> None:
        names = pages[path] = set() if first else pages.get(path, set())
        names |= {_key(one["metadata"]) for one in answer.get("items") or []}
        if not (answer.get("metadata") or {}).get("continue"):
            listed(path, pages.pop(path))

    async def middleware(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        path, query = request.url.path, request.url.query
        slim = _SLIM.fullmatch(path)
        if slim:
            request.headers["Accept"] = _META.format("" if "watch" in query else "List")
        liveness.beat(path)
        response = await handler(request)
        if not response.ok:
            return response
        if "watch" in query:
            await _checked(response)
            liveness.watched(path)
            return response
        answer = _read(request, await response.read())
        if slim and answer.get("items", ()) is None:  # an empty list, which kopf takes only as []
            request.headers["Accept"] = _PLAIN
            response = await handler(request)
            answer = _read(request, await response.read())
        if response.ok and liveness.follows(path):
            page(path, answer, first="continue" not in query)
        return response

    return connection.session(middleware)


async def _checked(response: aiohttp.ClientResponse) -> None:
    """Refuse a watch that is none: a proxy answers with a page of its own."""
    if response.content_type != _PLAIN:
        raise _strange(str(response.url), await response.content.read(100))


def _read(request: aiohttp.ClientRequest, text: bytes) -> dict[str, Any]:
    try:
        return parsed(f"{request.method} {request.url}", text)
    except Unavailable as error:
        raise aiohttp.ClientConnectionError(str(error)) from None


def _strange(url: str, text: bytes) -> aiohttp.ClientConnectionError:
    begins = text.decode(errors="replace").strip()
    return aiohttp.ClientConnectionError(
        f"{url}: the answer is not an object of the API: {begins!r}"
    )


def _key(meta: dict[str, Any]) -> str:
    return "/".join(part for part in (meta.get("namespace"), meta["name"]) if part)
