"""Announcements that are ordered: each is carried out once, when there is a sidecar to do it."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from netvsc.errors import NetvscError
from netvsc.model.status import Announcement, AnnounceState
from netvsc_deviceplugin.concurrency.backoff import Backoff
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.wakeup import Wakeup

log = logging.getLogger(__name__)


def due(
    wanted: Mapping[str, int],
    ordered: Mapping[str, int],
    announcements: Mapping[str, Announcement],
) -> tuple[str, ...]:
    """Return the pairs whose order waits and whose sidecar answers.

    Another number is another order: one that is lower comes from a NetvscNode that was made anew.
    """
    return tuple(
        id_
        for id_, number in sorted(wanted.items())
        if number != ordered.get(id_, 0)
        and id_ in announcements
        and announcements[id_].state is not AnnounceState.UNKNOWN
    )


class AnnounceOrders:
    """`wanted` is asked for, `ordered` was carried out: the number of the last order, by pair."""

    def __init__(
        self,
        *,
        wanted: Callable[[], Mapping[str, int]],
        announcements: Callable[[], Mapping[str, Announcement]],
        announce: Callable[[str], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ordered: Latest[Mapping[str, int]] = Latest({})
        self._wanted = wanted
        self._announcements = announcements
        self._announce = announce
        self._retry = Backoff(clock=clock, first_s=0.2)
        self._wakeup = Wakeup()

    def wake(self) -> None:
        """Take a hint that an order came, or a sidecar."""
        self._wakeup.set()

    async def run(self) -> None:
        """Carry out what is due until cancelled."""
        while True:
            failed = await self._carry_out()
            await self._wakeup.wait(self._retry.wait() if failed else None)

    async def _carry_out(self) -> bool:
        """Return whether a sidecar could not be told."""
        wanted, failed = self._wanted(), False
        self._forget(wanted)
        for id_ in due(wanted, self.ordered.get(), self._announcements()):
            try:
                await self._announce(id_)
            except NetvscError as error:
                log.warning("cannot order announcement %d: %s", wanted[id_], error)
                self._retry.tried()
                failed = True
            else:
                log.info("announcement %d ordered", wanted[id_], extra={"pair": id_})
                self.ordered.set({**self.ordered.get(), id_: wanted[id_]})
        return failed

    def _forget(self, wanted: Mapping[str, int]) -> None:
        """Forget withdrawn orders: their numbers begin anew."""
        self.ordered.set({id_: n for id_, n in self.ordered.get().items() if id_ in wanted})
