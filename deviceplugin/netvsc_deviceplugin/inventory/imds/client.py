"""One HTTP request to the metadata service: bounded in time and in bytes, through no proxy.

The service answers a kilobyte or so for each NIC. Redirections are not followed.
"""

from __future__ import annotations

import asyncio
import urllib.parse
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import responses

from netvsc.errors import NodeError, RequestError
from netvsc_deviceplugin.apiserver.access import Access
from netvsc_deviceplugin.apiserver.http11 import Connection, ProtocolError, Request

LINK_LOCAL = "http://169.254.169.254"
TIMEOUT_S = 5.0
_MAX = 1 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ImdsEndpoint:
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def endpoint_of(url: str) -> ImdsEndpoint:
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
        raise RequestError(f"{url!r} is not a metadata service: write {LINK_LOCAL}, or off")
    return ImdsEndpoint(host=host, port=port or 80)


async def get(endpoint: ImdsEndpoint, path: str, *, timeout_s: float = TIMEOUT_S) -> bytes:
    """Return the body of a good answer; raises NodeError for everything else."""
    connection = Connection(Access(server=str(endpoint)))
    try:
        return await _asked(connection, endpoint, path, timeout_s=timeout_s)
    finally:
        connection.close()


async def _asked(
    connection: Connection, endpoint: ImdsEndpoint, path: str, *, timeout_s: float
) -> bytes:
    try:
        async with asyncio.timeout(timeout_s):
            request = Request(method="GET", target=path, more={"Metadata": "true"})
            status = await connection.ask(request)
            body = await _whole(connection, endpoint)
    except TimeoutError:
        raise NodeError(f"IMDS: {endpoint}: no answer within {timeout_s:g} s") from None
    except OSError as error:
        raise NodeError(f"IMDS: {endpoint}: {error.strerror or error}") from None
    except (EOFError, ProtocolError) as error:
        raise NodeError(f"IMDS: {endpoint}: its answer is not HTTP: {error}") from None
    if status != HTTPStatus.OK:
        raise NodeError(f"IMDS: {endpoint}: it says {status} {responses.get(status, '')}")
    return body


async def _whole(connection: Connection, endpoint: ImdsEndpoint) -> bytes:
    body = bytearray()
    async with aclosing(connection.body()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > _MAX:
                raise NodeError(f"IMDS: {endpoint}: its answer has more than {_MAX} bytes")
    return bytes(body)
