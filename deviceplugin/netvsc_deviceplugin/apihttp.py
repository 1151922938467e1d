"""HTTP/1.1 to one server over one connection at a time: requests, and answers that never end.

RFC 9112, as much of it as an apiserver speaks to a client that offers nothing else. A connection is
kept between requests and made anew where the server ended it. docs/decisions/0008 says why it is
not a library's.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from netvsc import __version__
from netvsc.access import Access
from netvsc.errors import ConfigError

_PIECE = 1 << 16  # bytes read at once
_HEADERS_MAX = 100
# A peer that vanished is noticed by the kernel after 20 and 3 times 10 seconds (tcp(7)).
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 20), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))


class ProtocolError(ValueError):
    """What came is no HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`target` is path and query; `kind` the body's content type."""

    method: str
    target: str
    body: bytes | None = None
    kind: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where an apiserver is; `prefix` comes before each path (a proxy's)."""

    host: str
    port: int
    prefix: str
    authority: str


def server_of(url: str) -> Server:
    """Take a server's URL apart; raises ConfigError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in {"http", "https"}:
        raise ConfigError(f"server {url!r}: write https://host:port")
    default = 443 if parts.scheme == "https" else 80
    return Server(
        host=host, port=port or default, prefix=parts.path.rstrip("/"), authority=parts.netloc
    )


@dataclass(frozen=True, slots=True)
class _Open:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Connection:
    """One request at a time: read the answer's body to its end before the next one.

    Raises OSError, EOFError or ProtocolError; what waits too long is for the caller to end.
    """

    def __init__(self, access: Access) -> None:
        """Raise ConfigError where `access` leads nowhere."""
        self._access = access
        self._server = server_of(access.server)
        self._tls = _tls(access)
        self._open: _Open | None = None
        self._headers: Mapping[str, str] = {}
        self._reusable = False

    async def ask(self, request: Request) -> int:
        """Send it and return the status; `body` has the rest of the answer."""
        kept = self._kept()
        if kept:
            try:
                return await self._exchange(kept, request)
            except (OSError, EOFError):  # the server ended it just now, as it may between requests
                self.close()
        return await self._exchange(await self._connect(), request)

    async def body(self) -> AsyncGenerator[bytes, None]:
        """Yield the answer's body in pieces, as they come."""
        if not self._open:
            return
        reader, length = self._open.reader, self._headers.get("content-length")
        if self._headers.get("transfer-encoding", "").lower() == "chunked":
            async for piece in _chunks(reader):
                yield piece
        elif length is not None:
            async for piece in _exactly(reader, _number(length, 10)):
                yield piece
        else:
            self._headers = {**self._headers, "connection": "close"}
            while piece := await reader.read(_PIECE):
                yield piece
        self._reusable = self._headers.get("connection", "").lower() != "close"

    def close(self) -> None:
        """End the connection; the next request makes another."""
        if self._open:
            self._open.writer.transport.abort()
        self._open = None
        self._reusable = False

    def _kept(self) -> _Open | None:
        if self._open and self._reusable and not self._open.reader.at_eof():
            return self._open
        self.close()
        return None

    async def _connect(self) -> _Open:
        where, tls = self._server, self._tls
        name = where.host if tls else None
        pair = await asyncio.open_connection(where.host, where.port, ssl=tls, server_hostname=name)
        self._open = _Open(*pair)
        _keep_alive(self._open.writer.get_extra_info("socket"))
        return self._open

    async def _exchange(self, to: _Open, request: Request) -> int:
        self._reusable = False
        to.writer.write(self._head(request) + (request.body or b""))
        await to.writer.drain()
        status = await _status(to.reader)
        self._headers = await _headers(to.reader)
        return status

    def _head(self, request: Request) -> bytes:
        headers = {
            "Host": self._server.authority,
            "User-Agent": f"netvsc-deviceplugin/{__version__}",
            "Accept": "application/json",
            **self._access.headers(),
        }
        if request.body is not None:
            headers |= {"Content-Type": request.kind, "Content-Length": str(len(request.body))}
        lines = [f"{request.method} {self._server.prefix}{request.target} HTTP/1.1"]
        lines += [f"{key}: {value}" for key, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


def _tls(access: Access) -> ssl.SSLContext | None:
    try:
        return access.tls()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"server {access.server}: its authority or our certificate is no PEM: {error}"
        ) from None


def _keep_alive(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        end.setsockopt(socket.IPPROTO_TCP, option, value)


async def _status(reader: asyncio.StreamReader) -> int:
    """Read the status line, past answers that only say that one will come (1xx)."""
    while True:
        words = (await _line(reader)).split(b" ", 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1."):
            raise ProtocolError(f"an answer begins with {words[0][:40]!r}, not with HTTP/1.1")
        status = _number(words[1].decode("latin-1"), 10)
        if status >= HTTPStatus.OK:
            return status
        await _headers(reader)


async def _headers(reader: asyncio.StreamReader) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for _ in range(_HEADERS_MAX):
        line = await _line(reader)
        if not line:
            return found
        key, _, value = line.decode("latin-1").partition(":")
        found[key.lower()] = value.strip()
    raise ProtocolError(f"an answer has more than {_HEADERS_MAX} headers")


async def _chunks(reader: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    while size := _number((await _line(reader)).partition(b";")[0].decode("latin-1"), 16):
        async for piece in _exactly(reader, size):
            yield piece
        await _line(reader)
    await _headers(reader)  # trailers, and the empty line that ends them


async def _exactly(reader: asyncio.StreamReader, left: int) -> AsyncGenerator[bytes, None]:
    while left > 0:
        piece = await reader.read(min(left, _PIECE))
        if not piece:
            raise EOFError("the connection ended within an answer")
        left -= len(piece)
        yield piece


async def _line(reader: asyncio.StreamReader) -> bytes:
    line = await reader.readline()  # ValueError past 64 KiB
    if not line.endswith(b"\n"):
        raise EOFError("the connection ended within an answer")
    return line.rstrip(b"\r\n")


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise ProtocolError(f"{text[:40]!r} is no number") from None
