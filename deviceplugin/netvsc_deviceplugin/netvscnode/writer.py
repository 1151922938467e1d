"""Writes NetvscNode.status: when it changed, at most twice a second, the last one always."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable

from netvsc.encoding.serialize import camel, to_plain
from netvsc.errors import NetvscError
from netvsc.model.status import NodeStatus
from netvsc_deviceplugin.concurrency.backoff import Backoff
from netvsc_deviceplugin.concurrency.ratelimit import RateLimit
from netvsc_deviceplugin.concurrency.wakeup import Wakeup

INTERVAL_S = 0.5
SETTLE_S = 0.05  # a VF goes and comes in steps; its first step alone would take the turn
KEEP_AGAIN_S = 2.0
_KEYS = tuple(camel(name) for name in NodeStatus.__dataclass_fields__)

log = logging.getLogger(__name__)


def patch_of(status: NodeStatus) -> dict[str, object]:
    """Return a merge patch: our keys, those that are empty too, and nobody else's."""
    plain = to_plain(status)
    return {"status": {key: plain.get(key) for key in _KEYS}}


class StatusWriter:
    """`read` returns the status as of now, `keep` is given each before it is written.

    What `keep` refuses with NetvscError it is given again.

    `there` returns the uid of the object to write to, None while there is none.
    """

    def __init__(
        self,
        *,
        read: Callable[[], NodeStatus],
        keep: Callable[[NodeStatus], None],
        write: Callable[[dict[str, object]], Awaitable[object]],
        there: Callable[[], str | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._keep = keep
        self._write = write
        self._there = there
        self._clock = clock
        self._retry = Backoff(clock=clock, first_s=INTERVAL_S, longest_s=10.0)
        self._pace = RateLimit(interval_s=INTERVAL_S, clock=clock)
        self._wakeup = Wakeup()
        self._kept: NodeStatus | None = None
        self._unkept = False
        self._written: tuple[str, NodeStatus] | None = None
        self._due: float | None = None  # when to try again what failed

    def wake(self) -> None:
        """Take a hint that the status may have changed."""
        self._wakeup.set()

    def again(self) -> None:
        """Take a hint that what failed may succeed now."""
        self._retry.reset()
        self._due = self._due and self._clock()
        self._wakeup.set()

    def begin(self, kept: NodeStatus | None) -> None:
        """Go on from what is on disk."""
        self._kept = kept

    async def run(self, next_change: Callable[[], float | None]) -> None:
        """Write until cancelled; `next_change` tells in how many seconds time alone changes it."""
        while True:
            await self._pace.turn()
            self._wakeup.clear()
            status = self._read()
            self._save(status)
            if self._due is None or self._clock() >= self._due:
                await self._level(status)
            await self._woken(next_change())

    def _save(self, status: NodeStatus) -> None:
        """Keep it on disk; one that is full does not say when it is well again."""
        if status == self._kept:
            return
        try:
            self._keep(status)
        except NetvscError as error:
            if not self._unkept:
                log.warning("cannot save the status on disk, retrying: %s", error)
            self._unkept = True
        else:
            self._kept = status
            self._unkept = False

    async def _level(self, status: NodeStatus) -> None:
        uid = self._there()
        if uid is None or self._written == (uid, status):
            return
        try:
            await self._write(patch_of(status))
        except NetvscError as error:
            self._written = None  # it may have been carried out all the same
            if self._due is None:
                log.warning("cannot write the status, retrying: %s", error)
            self._retry.tried()
            pause = self._retry.wait() * random.uniform(0.5, 1.0)  # noqa: S311 (not all at once)
            self._due = self._clock() + pause
        else:
            self._written = uid, status
            self._due = None
            self._retry.reset()

    async def _woken(self, next_change: float | None) -> None:
        again = None if self._due is None else max(0.0, self._due - self._clock())
        save = KEEP_AGAIN_S if self._unkept else None
        waits = [wait for wait in (next_change, again, save) if wait is not None]
        if await self._wakeup.wait(min(waits, default=None)):
            await asyncio.sleep(SETTLE_S)
