"""Talk with the sidecar of one pod: its socket is in the pod's netns, and so must ours be made.

An abstract address belongs to the netns of the socket that binds it, and is looked up in that of
the socket that connects (unix(7)); which thread connects does not matter.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from netvsc.errors import NodeError, RequestError, RetryError
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.sidecar.protocol import LINE_MAX

ADDRESS = "\0netvsc.io/fdpipe"
_ANSWER_MAX = 512  # bytes
_PATIENCE_S = 1.0  # as a sidecar has with its clients
_BURST = 1000  # lines; an honest sidecar sends 8 at once and 400 a second at most
_PER_S = 500.0


class PeerLineLimit:
    """Bounds what one peer may say: raises RequestError when it talks too much."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = float(_BURST)
        self._at = clock()

    def count_line(self) -> None:
        now = self._clock()
        self._left = min(float(_BURST), self._left + (now - self._at) * _PER_S) - 1
        self._at = now
        if self._left < 0:
            raise RequestError("it talks too much: more than its sidecar would")


def unconnected(netns: str) -> socket.socket:
    """Make a socket in the netns at this path; raises NetvscError."""
    kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
    with Netns.open(netns) as ns:
        try:
            return ns.run(partial(socket.socket, socket.AF_UNIX, kind))
        except OSError as error:
            raise NodeError(f"cannot make a socket in {netns}: {error.strerror}") from error


def connect(sock: socket.socket) -> None:
    """Connect at once; raises RetryError where nobody listens, or too many wait."""
    try:
        sock.connect(ADDRESS)
    except OSError as error:
        raise RetryError(f"no sidecar answers at @{ADDRESS[1:]}: {error.strerror}") from None


async def watch(
    sock: socket.socket, hear: Callable[[bytes], None], *, clock: Callable[[], float]
) -> None:
    """Hand over each line until it hangs up; raises RequestError if it does not behave."""
    limit = PeerLineLimit(clock)
    async with _streams(sock) as (reader, writer):
        writer.write(b"watch\n")
        while line := await _line(reader):
            limit.count_line()
            hear(line)


async def ask(netns: str, request: str) -> str:
    """Ask one thing; raises NetvscError if that pod's sidecar is not there, is slow or refuses."""
    with unconnected(netns) as sock:
        connect(sock)
        try:
            async with asyncio.timeout(_PATIENCE_S), _streams(sock) as (reader, writer):
                writer.write(f"{request}\n".encode())
                answer = (await _all(reader)).decode("ascii", "replace").strip()
        except (TimeoutError, OSError) as error:
            why = "no answer" if isinstance(error, TimeoutError) else error.strerror
            raise RetryError(f"the sidecar in {netns} did not hear {request!r}: {why}") from None
    if answer.startswith("error: "):
        raise NodeError(f"the sidecar in {netns} refuses {request!r}: {answer[7:]}")
    return answer


async def _all(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while len(answer) < _ANSWER_MAX and (more := await reader.read(_ANSWER_MAX)):
        answer += more
    return answer[:_ANSWER_MAX]


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Return the next line, nothing at the end of all lines."""
    try:
        return await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError:
        return b""
    except asyncio.LimitOverrunError:
        raise RequestError(f"a line is longer than {LINE_MAX} bytes") from None
    except OSError:
        return b""


@asynccontextmanager
async def _streams(
    sock: socket.socket,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_unix_connection(sock=sock, limit=LINE_MAX)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
