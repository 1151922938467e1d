r"""The agent's end of the shim's socket: one call, one answer, bounded in bytes and in time.

    netvsc-cni/1 <bytes of environment> <bytes of standard input>\n
    NAME=value\0NAME=value\0 … standard input

and back one line, `0` or `1` for the exit code, then what goes to standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from netvsc.errors import NodeError, RequestError
from netvsc_deviceplugin.cni.result import Answer, failed

GREETING = b"netvsc-cni/1"
ENVIRONMENT_MAX = 1 << 16
STDIN_MAX = 1 << 18  # as the shim's; a result of a pod with hundreds of routes has 30 KiB
_HEADER_MAX = 64
_PATIENCE_S = 5.0  # the shim sends all at once
_UCRED = struct.Struct("=iII")

Answerer = Callable[[Mapping[str, str], bytes], Awaitable[Answer]]

log = logging.getLogger(__name__)


@asynccontextmanager
async def serving(path: Path, answer: Answerer) -> AsyncIterator[None]:
    """Listen at `path` while the context lasts; raises NodeError."""
    sock = _bound(path)
    server = await asyncio.start_unix_server(_handler(answer), sock=sock, limit=ENVIRONMENT_MAX)
    try:
        yield
    finally:  # the file stays: the next agent may have put its own there already
        server.close()
        await server.wait_closed()


def _bound(path: Path) -> socket.socket:
    """Bind a socket that root alone may connect to, and put it in place in one step.

    The one of an agent that was killed is replaced: no shim ever finds nothing there.
    """
    new = path.with_name(f".{path.name}.new")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        sock.bind(str(new))
        new.chmod(0o600)
        sock.listen(128)
        new.replace(path)
    except OSError as error:
        sock.close()
        raise NodeError(
            f"cannot listen at {path}: {error.strerror or error}; the agent's state folder must be "
            "writable and its path shorter than 90 bytes"
        ) from error
    return sock


def _handler(
    answer: Answerer,
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            _check_peer(writer)
            async with asyncio.timeout(_PATIENCE_S):
                environment, stdin = await _read(reader)
        except (RequestError, TimeoutError, asyncio.IncompleteReadError) as error:
            said = failed(error if isinstance(error, RequestError) else _cut())
        else:
            said = await answer(environment, stdin)
        with contextlib.suppress(ConnectionError):  # the shim gave up; what was done is done
            writer.write(_written(said))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    return handle


def _cut() -> RequestError:
    return RequestError("the call on the agent's socket was cut short: use netvsc-cni to make one")


def _check_peer(writer: asyncio.StreamWriter) -> None:
    """Only root may move netdevs, whatever becomes of the socket file's mode."""
    sock = writer.get_extra_info("socket")
    _, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    if uid not in {0, os.geteuid()}:
        raise RequestError(f"user {uid} may not make CNI calls: root alone may")


async def _read(reader: asyncio.StreamReader) -> tuple[Mapping[str, str], bytes]:
    try:
        words = (await reader.readuntil(b"\n"))[:_HEADER_MAX].split()
        greeting, sizes = words[0], [int(word) for word in words[1:]]
    except (ValueError, IndexError, asyncio.LimitOverrunError):
        raise _cut() from None
    if greeting != GREETING or len(sizes) != 2:
        raise _cut()
    if not (0 <= sizes[0] <= ENVIRONMENT_MAX and 0 <= sizes[1] <= STDIN_MAX):
        raise RequestError(
            f"the call is too long: {ENVIRONMENT_MAX} bytes of environment and {STDIN_MAX} of "
            "configuration are read at most"
        )
    return _environment(await reader.readexactly(sizes[0])), await reader.readexactly(sizes[1])


def _environment(raw: bytes) -> Mapping[str, str]:
    words = (word.decode(errors="replace").partition("=") for word in raw.split(b"\0"))
    return {key: value for key, equals, value in words if equals}


def _written(answer: Answer) -> bytes:
    """As short as it can be: the shim has room for twice the longest input."""
    text = ""
    if answer.body is not None:
        text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")) + "\n"
    return (b"0\n" if answer.good else b"1\n") + text.encode(errors="replace")
