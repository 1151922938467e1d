"""Requests to the apiserver, one method for each verb. Each raises ApiError or Unavailable."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from enum import StrEnum
from types import MappingProxyType, TracebackType
from typing import Self

import aiohttp

from netvsc_operator.api_errors import Gone, Unavailable, refusal
from netvsc_operator.kinds import Kind
from netvsc_operator.kube.configuration import ConfigLoader
from netvsc_operator.kube.connection import ApiConnection
from netvsc_operator.objects import Listing, Object, Scope

_PAGE = 500  # objects in an answer: as kubectl asks
_TIMEOUT_S = 30.0  # half of the apiserver's own --request-timeout
_CONNECT_S = 10.0
_JSON = "application/json"
_PLAIN = {"Accept": _JSON, "Content-Type": _JSON}
_REFUSED = 400
_META = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


class Patch(StrEnum):
    """How a patch is written (Kubernetes API concepts, "Patch and apply")."""

    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    APPLY = "application/apply-patch+yaml"


EVERYTHING = Scope()


def _accept(scope: Scope, *, several: bool) -> str:
    return _META.format("List" if several else "") if scope.metadata_only else _JSON


class Kube:
    """Serves many tasks at once; connections are kept and reused."""

    def __init__(self, loader: ConfigLoader, *, timeout_s: float = _TIMEOUT_S) -> None:
        self.connection = ApiConnection(loader)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=_CONNECT_S)

    async def __aenter__(self) -> Self:
        await self.connection.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.connection.close()

    async def get(self, kind: Kind, name: str, *, namespace: str | None = None) -> Object:
        return await self._call("GET", kind.path(namespace=namespace, name=name))

    async def list(self, kind: Kind, scope: Scope = EVERYTHING) -> Listing:
        """Return all of the scope, read in pages."""
        query = scope.query() | {"limit": str(_PAGE)}
        accept = _accept(scope, several=True)
        path = kind.path(namespace=scope.namespace)
        while True:
            try:
                return await self._pages(path, query, accept)
            except Gone:  # a continuation lives for some minutes; a slow reader begins again
                await asyncio.sleep(1)

    async def _pages(self, path: str, query: Mapping[str, str], accept: str) -> Listing:
        items: list[Object] = []
        more: dict[str, str] = {}
        while True:
            page = await self._call(
                "GET", path, query={**query, **more}, headers={"Accept": accept}
            )
            items += page.get("items") or []
            meta = page.get("metadata", {})
            if not meta.get("continue"):
                return Listing(items=items, version=meta.get("resourceVersion", ""))
            more = {"continue": meta["continue"]}

    async def create(self, kind: Kind, body: Object, *, namespace: str | None = None) -> Object:
        return await self._call("POST", kind.path(namespace=namespace), body=body)

    async def patch(  # noqa: PLR0913 (the API's own names)
        self,
        kind: Kind,
        name: str,
        body: object,
        *,
        how: Patch = Patch.MERGE,
        namespace: str | None = None,
        part: str | None = None,
        manager: str = "netvsc-operator",
        force: bool = False,
    ) -> Object:
        """Patch an object, or its subresource `part`.

        A `metadata.resourceVersion` in a merge patch makes it raise Conflict if somebody else wrote
        since. APPLY creates what is not there; `force` takes fields over from other managers.
        """
        query = {"fieldManager": manager} | ({"force": "true"} if force else {})
        path = kind.path(namespace=namespace, name=name, part=part)
        return await self._call(
            "PATCH", path, query=query, body=body, headers={**_PLAIN, "Content-Type": how.value}
        )

    async def delete(
        self, kind: Kind, name: str, *, namespace: str | None = None, uid: str | None = None
    ) -> Object:
        """Delete an object; with `uid` only if it is still that one (else Conflict)."""
        body = {"preconditions": {"uid": uid}} if uid else None
        return await self._call("DELETE", kind.path(namespace=namespace, name=name), body=body)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = MappingProxyType({}),
        body: object = None,
        headers: Mapping[str, str] = _PLAIN,
    ) -> Object:
        what = f"{method} {path}"
        try:
            response = await self.connection.request(
                method, path, query=query, headers=headers, body=body, timeout=self._timeout
            )
            async with response:
                answer = await _answer(what, response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(what, error) from error
        return parsed(what, answer)

    async def lines(
        self, kind: Kind, scope: Scope, *, query: Mapping[str, str], silence_s: float
    ) -> AsyncGenerator[bytes, None]:
        """Yield what a watch sends, line by line; a silence longer than `silence_s` ends it.

        Not by the library's Watch: that one knows no silence, and of errors only that there is one.
        """
        path = kind.path(namespace=scope.namespace)
        what = f"WATCH {path}"
        try:
            response = await self.connection.request(
                "GET",
                path,
                query={**scope.query(), **query},
                headers={"Accept": _accept(scope, several=False)},
                body=None,
                timeout=aiohttp.ClientTimeout(sock_connect=_CONNECT_S, sock_read=silence_s),
            )
            async with response:
                if response.status >= _REFUSED:
                    await _answer(what, response)
                try:
                    async for line in response.content:
                        yield line
                finally:
                    _hang_up(response)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:  # a line of 4 MiB
            raise _unreachable(what, error) from error


def _hang_up(response: aiohttp.ClientResponse) -> None:
    """End a connection that still talks without waiting for TLS's goodbye."""
    if response.connection and response.connection.transport:
        response.connection.transport.abort()


async def _answer(what: str, response: aiohttp.ClientResponse) -> bytes:
    body = await response.read()
    if response.status >= _REFUSED:
        after = response.headers.get("Retry-After")
        raise refusal(what, status=response.status, body=body, retry_after=after)
    return body


def parsed(what: str, text: bytes) -> Object:
    """Return the object that was answered; a proxy may answer with a page of its own."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    begins = text[:100].decode(errors="replace").strip()
    raise Unavailable(
        f"{what}: the answer is not an object of the API, but {begins!r}: "
        "does a proxy stand between here and the apiserver?"
    )


def _unreachable(what: str, error: Exception) -> Unavailable:
    why = str(error) or type(error).__name__
    return Unavailable(f"{what}: the apiserver does not answer: {why}")
