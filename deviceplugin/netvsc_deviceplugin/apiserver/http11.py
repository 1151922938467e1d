"""HTTP/1.1 to one server over one connection at a time: requests, and answers that never end.

h11 speaks HTTP (RFC 9112); connection and time are ours. A connection is kept between requests and
made anew where the server ended it. docs/decisions/0008 says why it is no whole client.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11

from netvsc import __version__
from netvsc.errors import ConfigError
from netvsc_deviceplugin.apiserver.access import Access

_PIECE = 1 << 16  # bytes read at once
# A peer that vanished is noticed by the kernel after 20 and 3 times 10 seconds (tcp(7)).
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 20), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))


class ProtocolError(ValueError):
    """What came is not HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`target` is path and query; `kind` the body's content type; `more` are headers."""

    method: str
    target: str
    body: bytes | None = None
    kind: str = "application/json"
    more: Mapping[str, str] = field(default_factory=dict)


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


@dataclass(slots=True)
class _Open:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))


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
        while self._open:
            event = await _event(self._open)
            if not isinstance(event, h11.Data):
                return
            yield bytes(event.data)

    def close(self) -> None:
        """End the connection; the next request makes another."""
        if self._open:
            self._open.writer.transport.abort()
        self._open = None

    def _kept(self) -> _Open | None:
        kept = self._open
        if kept and not kept.reader.at_eof():
            with suppress(h11.LocalProtocolError):  # the last answer is not over, or was the last
                kept.http.start_next_cycle()
                return kept
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
        events = [self._head(request), h11.Data(data=request.body or b""), h11.EndOfMessage()]
        to.writer.write(b"".join(to.http.send(event) or b"" for event in events))
        await to.writer.drain()
        while not isinstance(event := await _event(to), h11.Response):
            pass  # 1xx says only that one will come
        return event.status_code

    def _head(self, request: Request) -> h11.Request:
        headers = {
            "Host": self._server.authority,
            "User-Agent": f"netvsc-deviceplugin/{__version__}",
            "Accept": "application/json",
            **self._access.headers(),
            **request.more,
        }
        if request.body is not None:
            headers |= {"Content-Type": request.kind, "Content-Length": str(len(request.body))}
        target = self._server.prefix + request.target
        return h11.Request(method=request.method, target=target, headers=list(headers.items()))


async def _event(of: _Open) -> h11.Event:
    """Return what comes next of an answer, reading as much as it takes."""
    try:
        while (event := of.http.next_event()) is h11.NEED_DATA:
            piece = await of.reader.read(_PIECE)
            if not piece and of.http.their_state is h11.SEND_RESPONSE:
                raise EOFError("the connection ended before an answer")
            of.http.receive_data(piece)
    except h11.RemoteProtocolError as error:
        raise ProtocolError(str(error)) from None
    if isinstance(event, h11.Event):
        return event
    raise EOFError("the connection ended within an answer")


def _tls(access: Access) -> ssl.SSLContext | None:
    try:
        return access.tls()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"server {access.server}: its authority or our certificate is not PEM: {error}"
        ) from None


def _keep_alive(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        end.setsockopt(socket.IPPROTO_TCP, option, value)
