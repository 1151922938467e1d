"""One HTTP request to the metadata service: bounded in time and in bytes, through no proxy.

The response is read to its end, then parsed by the standard library: the service answers a
kilobyte or so for each NIC. Redirections are not followed.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import socket
import urllib.parse
from dataclasses import dataclass
from typing import IO, cast

from netvsc import __version__
from netvsc.errors import NodeError, RequestError

LINK_LOCAL = "http://169.254.169.254"
TIMEOUT_S = 5.0
_MAX = 1 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def endpoint_of(url: str) -> Endpoint:
    """Return the endpoint that `http://host[:port]` names; raises RequestError."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    else:
        if parts.scheme != "http" or parts.path.strip("/") or parts.query or parts.username:
            host = None
    if not host or not host.isascii() or any(c.isspace() for c in host):
        raise RequestError(f"{url!r} is no metadata service: write {LINK_LOCAL}, or off")
    return Endpoint(host=host, port=port or 80)


async def get(endpoint: Endpoint, path: str, *, timeout_s: float = TIMEOUT_S) -> bytes:
    """Return the body of a good answer; raises NodeError for everything else."""
    try:
        async with asyncio.timeout(timeout_s):
            raw = await _exchange(endpoint, path)
    except TimeoutError:
        raise NodeError(f"IMDS: {endpoint}: no answer within {timeout_s:g} s") from None
    except OSError as error:
        raise NodeError(f"IMDS: {endpoint}: {error.strerror or error}") from None
    return _body(raw, endpoint)


async def _exchange(endpoint: Endpoint, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {str(endpoint).removeprefix('http://')}\r\n"
            f"Metadata: true\r\nUser-Agent: netvsc-deviceplugin/{__version__}\r\n"
            "Accept: application/json\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        raw = bytearray()
        while data := await reader.read(1 << 16):
            raw += data
            if len(raw) > _MAX:
                raise NodeError(f"IMDS: {endpoint}: its answer has more than {_MAX} bytes")
        return bytes(raw)
    finally:
        writer.transport.abort()


class _Received:
    """What http.client wants of a socket, over bytes that are there already."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> IO[bytes]:
        return io.BytesIO(self._raw)


def _body(raw: bytes, endpoint: Endpoint) -> bytes:
    response = http.client.HTTPResponse(cast("socket.socket", _Received(raw)))
    try:
        response.begin()
        body = response.read()
    except (http.client.HTTPException, ValueError, OverflowError) as error:
        raise NodeError(f"IMDS: {endpoint}: its answer is no HTTP: {error!r}") from None
    if response.status != http.HTTPStatus.OK:
        raise NodeError(f"IMDS: {endpoint}: it says {response.status} {response.reason}")
    return body
