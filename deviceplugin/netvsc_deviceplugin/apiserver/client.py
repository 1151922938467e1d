"""The agent's client of the apiserver: read one object, follow it, write its status.

Kubernetes API concepts. Every refusal is Refused, with the apiserver's own words; every silence is
Unreachable.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from netvsc.errors import RequestError, RetryError
from netvsc_deviceplugin.apiserver.access import Access
from netvsc_deviceplugin.apiserver.http11 import Connection, ProtocolError, Request

Json = dict[str, Any]

MERGE = "application/merge-patch+json"
_ANSWER_MAX = 4 << 20  # bytes; an object has at most 1.5 MiB (etcd's request limit)
_TIMEOUT_S = 10.0
_CONNECT_S = 5.0
_LATER = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_MANY_REQUESTS,
}
_TROUBLE = (OSError, EOFError, ProtocolError, ValueError)  # OSError has TimeoutError and ssl's


class Refused(RequestError):  # noqa: N818 (it says what happened)
    """The apiserver says no; `status` is HTTP's."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(RetryError):  # noqa: N818
    """Nobody answered, or answered: not now."""


class Client:
    """`get` and `patch` share one connection and come one after another; a watch has its own."""

    def __init__(self, access: Access, *, timeout_s: float = _TIMEOUT_S) -> None:
        """Raise ConfigError where `access` leads nowhere."""
        self._access = access
        self._timeout_s = timeout_s
        self._short = Connection(access)
        self._long = Connection(access)
        self._turn = asyncio.Lock()

    @property
    def server(self) -> str:
        return self._access.server

    async def get(self, target: str) -> Json:
        return await self._call(Request(method="GET", target=target))

    async def patch(self, target: str, body: object) -> Json:
        """Merge `body` into an object; null takes a key away (RFC 7386)."""
        data = json.dumps(body).encode()
        return await self._call(Request(method="PATCH", target=target, body=data, kind=MERGE))

    async def lines(self, target: str, *, silence_s: float) -> AsyncGenerator[bytes, None]:
        """Yield b"" once the watch is taken, then its lines.

        A silence longer than `silence_s` is Unreachable.
        """
        request, connection = Request(method="GET", target=target), self._long
        finished = False
        try:
            async with asyncio.timeout(_CONNECT_S + _TIMEOUT_S):
                status = await connection.ask(request)
            if status != HTTPStatus.OK:
                async with asyncio.timeout(_TIMEOUT_S):
                    raise _refusal(request, status, await _whole(connection))
            yield b""
            async with aclosing(_split(connection, silence_s)) as found:
                async for line in found:
                    yield line
            finished = True
        except _TROUBLE as error:
            raise _unreachable(request, self.server, error) from None
        finally:
            if not finished:
                connection.close()

    def close(self) -> None:
        self._short.close()
        self._long.close()

    async def _call(self, request: Request) -> Json:
        async with self._turn:
            status, body = await self._exchange(request)
        if status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(request, status, body)
        try:
            return _object(body)
        except ValueError as error:
            raise _unreachable(request, self.server, error) from None

    async def _exchange(self, request: Request) -> tuple[int, bytes]:
        finished = False
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._short.ask(request)
                body = await _whole(self._short)
            finished = True
        except _TROUBLE as error:
            raise _unreachable(request, self.server, error) from None
        finally:
            if not finished:
                self._short.close()
        return status, body


async def _whole(connection: Connection) -> bytes:
    found = bytearray()
    async for piece in connection.body():
        found += piece
        _bounded(found)
    return bytes(found)


async def _split(connection: Connection, silence_s: float) -> AsyncGenerator[bytes, None]:
    rest = bytearray()
    async with aclosing(connection.body()) as pieces:
        while True:
            async with asyncio.timeout(silence_s):
                piece = await anext(pieces, None)
            if piece is None:
                return
            *lines, last = (rest + piece).split(b"\n")
            for line in lines:
                yield bytes(line)
            rest = bytearray(last)
            _bounded(rest)


def _bounded(data: bytearray) -> None:
    if len(data) > _ANSWER_MAX:
        raise ProtocolError(f"an answer has more than {_ANSWER_MAX} bytes")


def _object(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except RecursionError:
        raise ProtocolError("an answer is nested too deeply") from None
    if not isinstance(found, dict):
        raise ProtocolError("an answer is not an object")
    return found


def _refusal(request: Request, status: int, body: bytes) -> Refused | Unreachable:
    text = f"{request.method} {request.target}: the apiserver says {status}: {_reason(body)}"
    later = status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind: Callable[[str], Refused | Unreachable] = (
        Unreachable if later else lambda text: Refused(text, status=status)
    )
    return kind(text)


def _reason(body: bytes) -> str:
    """Return the message of a Status object, or what there is instead."""
    try:
        return str(_object(body)["message"])
    except (ValueError, KeyError):
        return body[:200].decode("utf-8", "replace").strip() or "nothing more"


def _unreachable(request: Request, server: str, error: Exception) -> Unreachable:
    why = str(error) or type(error).__name__
    return Unreachable(f"{request.method} {request.target}: {server} does not answer: {why}")
