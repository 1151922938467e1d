"""The agent's end of the shim's socket: one call, one answer, bounded in bytes and in time.

The call is as `wire` has it; back comes one line, `0` or `1` for the exit code, then what goes to
standard output.
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
from netvsc_deviceplugin.cni.protocol import wire
from netvsc_deviceplugin.cni.result import Answer, failed

_PATIENCE_S = 5.0  # the shim sends all at once
_UCRED = struct.Struct("=iII")

Answerer = Callable[[Mapping[str, str], bytes], Awaitable[Answer]]

log = logging.getLogger(__name__)


@asynccontextmanager
async def serving(path: Path, answer: Answerer) -> AsyncIterator[None]:
    """Listen at `path` while the context lasts; raises NodeError."""
    sock = _bound(path)
    server = await asyncio.start_unix_server(
        _handler(answer), sock=sock, limit=wire.ENVIRONMENT_MAX
    )
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
            async with asyncio.timeout(_PATIENCE_S):
                environment, stdin = await _read(reader)
            _check_peer(writer)  # hung up on before he has said all, he would not hear why
        except (RequestError, TimeoutError, asyncio.IncompleteReadError) as error:
            result = failed(error if isinstance(error, RequestError) else wire.cut())
        else:
            result = await answer(environment, stdin)
        with contextlib.suppress(ConnectionError):  # the shim gave up; what was done is done
            writer.write(_written(result))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    return handle


def _check_peer(writer: asyncio.StreamWriter) -> None:
    """Only root may move netdevs, whatever becomes of the socket file's mode."""
    sock = writer.get_extra_info("socket")
    _, uid, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    if uid not in {0, os.geteuid()}:
        raise RequestError(f"user {uid} may not make CNI calls: root alone may")


async def _read(reader: asyncio.StreamReader) -> tuple[Mapping[str, str], bytes]:
    try:
        first, second = wire.sizes(await reader.readuntil(b"\n"))
    except asyncio.LimitOverrunError:
        raise wire.cut() from None
    environment = wire.environment(await reader.readexactly(first))
    return environment, await reader.readexactly(second)


def _written(answer: Answer) -> bytes:
    """As short as it can be: the shim has room for twice the longest input."""
    text = ""
    if answer.body is not None:
        text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":")) + "\n"
    return (b"0\n" if answer.good else b"1\n") + text.encode(errors="backslashreplace")
