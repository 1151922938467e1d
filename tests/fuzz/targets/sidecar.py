"""What a sidecar says: anybody in a pod may answer in its place."""

from __future__ import annotations

import asyncio
import socket
from functools import cache

from fuzz.engine import Target
from fuzz.mutate import raw, structured
from netvsc.encoding.serialize import from_plain, to_plain
from netvsc.errors import NetvscError, RequestError
from netvsc.model.status import Announcement
from netvsc_deviceplugin.sidecar import connection
from netvsc_deviceplugin.sidecar.protocol import LINE_MAX, SidecarReport, parse
from netvsc_deviceplugin.sidecar.state import announcement, hear, progress, verbs_request

_NOW = 1.8e9
_ERROR_MAX = 2 * LINE_MAX
_LOOP = asyncio.new_event_loop()


@cache
def _before() -> SidecarReport:
    return parse(b'{"pair":"00","netvsc":"netvsc0","application":"served","vf":"away"}')


def _check_words(message: str) -> None:
    assert len(message) <= _ERROR_MAX, "a liar fills the log"


def said(data: bytes) -> None:
    """A word is believed within bounds, or refused in few words; what follows can be written."""
    try:
        found = parse(data[:LINE_MAX])
    except RequestError as error:
        _check_words(str(error))
        return
    for before in (None, _before(), found):
        known = hear(before, _NOW - 1, None) if before else None
        told = announcement(hear(found, _NOW, known))
        assert from_plain(Announcement, to_plain(told)) == told
        step = progress(before, found)
        assert 0 <= step.taken + step.cancelled + step.failed <= 300
    request = verbs_request(found, ("uverbs0",))
    assert request is None or request.isprintable()


async def _talk(data: bytes) -> int:
    """Let a peer say all of `data` and hang up; return how much was handed over."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    heard = 0

    def hear_line(line: bytes) -> None:
        nonlocal heard
        heard += len(line)
        assert len(line) <= LINE_MAX + 1, f"a line of {len(line)} bytes was handed over"

    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        try:
            await connection.watch(ours, hear_line, clock=lambda: 0.0)
        except NetvscError:
            return heard
    return heard


def talk(data: bytes) -> None:
    """Whoever talks too much, too long or nonsense is left; no more is handed over than came."""
    assert _LOOP.run_until_complete(_talk(data)) <= len(data)


TARGETS = (
    Target(name="said", check=said, mutate=structured),
    Target(name="talk", check=talk, mutate=raw),
)
