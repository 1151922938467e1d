"""The sidecars of this node's pods: what they announce, and what they are told.

A sidecar decides alone; the agent only watches it, tells it which verbs devices the container was
given, and passes orders on. One connection for each pod that has a pair inside.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Literal, Protocol, get_args

from netvsc.errors import RetryError
from netvsc.model.status import STARTING, Announcement, AnnounceState
from netvsc_deviceplugin.cni.attach.checkpoint import Inside
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.wallclock import WallClock
from netvsc_deviceplugin.kubelet.verbs_checkpoint import Verbs
from netvsc_deviceplugin.sidecar import connection
from netvsc_deviceplugin.sidecar.pod import PodSidecar
from netvsc_deviceplugin.sidecar.protocol import SidecarReport
from netvsc_deviceplugin.sidecar.state import DatedReport, Progress, announcement, hear, progress

Announcements = Mapping[str, Announcement]

_SILENT = Announcement(state=AnnounceState.UNKNOWN)
_STARTING = Announcement(state=AnnounceState.UNKNOWN, reason=STARTING)

Ending = Literal["taken", "cancelled", "failed"]


class Meter(Protocol):
    """Counts how announcements end and times their stages, in seconds."""

    def announced(self, result: Ending, count: int) -> None: ...
    def announce_took(self, stage: Literal["offered", "taken"], seconds: float) -> None: ...


class SidecarManager:
    """`inside` says which pairs are in which pod; `announcements` has each of them, by id.

    A pair whose pod has no sidecar that answers is there with state Unknown, and STARTING as the
    reason if none has answered yet: a pod's image may take minutes to come.
    """

    def __init__(
        self,
        *,
        inside: Latest[Inside],
        allocated_verbs: Callable[[], Verbs],
        meter: Meter,
        clock: Callable[[], float] = time.monotonic,
        wallclock: WallClock | None = None,
    ) -> None:
        self.announcements: Latest[Announcements] = Latest({})
        self._inside = inside
        self._allocated_verbs = allocated_verbs
        self._meter = meter
        self._clock = clock
        self._wallclock = wallclock or WallClock(clock=clock)
        self._sidecars: dict[str, tuple[PodSidecar, asyncio.Task[None]]] = {}
        self._dated: dict[str, DatedReport] = {}  # of pairs inside; outlives a sidecar
        self._answering: set[str] = set()
        self._found: frozenset[str] = frozenset()  # pairs that were inside when we started

    async def run(self) -> None:
        """Watch until cancelled."""
        self._found = frozenset(_ids(self._inside.get()))
        async with asyncio.TaskGroup() as tasks:
            async for inside in self._inside.changes():
                self._follow(inside, tasks)

    async def announce(self, pair_id: str) -> None:
        """Make the sidecar cancel and offer again; raises NetvscError if it cannot be told."""
        for sidecar, _ in self._sidecars.values():
            if number := sidecar.number(pair_id):
                await connection.ask(sidecar.netns, f"announce {number}")
                return
        raise RetryError(
            f"no sidecar announces pair {pair_id} now: is it in a pod with a netvsc-fdpipe sidecar?"
        )

    def _follow(self, inside: Inside, tasks: asyncio.TaskGroup) -> None:
        for netns in [
            one for one, (sidecar, _) in self._sidecars.items() if inside.get(one) != sidecar.ids
        ]:
            self._sidecars.pop(netns)[1].cancel()
        present = _ids(inside)
        self._found &= present
        for id_ in self._dated.keys() - present:
            del self._dated[id_]
        for netns in inside.keys() - self._sidecars.keys():
            sidecar = PodSidecar(
                netns,
                inside[netns],
                allocated_verbs=self._allocated_verbs,
                changed=self._changed,
                clock=self._clock,
            )
            self._sidecars[netns] = (
                sidecar,
                tasks.create_task(sidecar.run(), name=f"sidecar in {netns}"),
            )
        self._publish()

    def _changed(self, id_: str | None, report: SidecarReport | None) -> None:
        """Take a pair's news; None: the sidecar of some pod has gone."""
        if id_ and report:
            before = self._dated.get(id_)
            known = report if id_ in self._found else None  # another agent has counted that
            self._found -= {id_}
            self._count(progress(before.report if before else known, report))
            self._dated[id_] = hear(report, self._wallclock.of(id_, self._clock()), before)
        self._publish()

    def _count(self, news: Progress) -> None:
        for result in get_args(Ending):
            if count := getattr(news, result):
                self._meter.announced(result, count)
        if news.offered_after is not None:
            self._meter.announce_took("offered", news.offered_after)
        if news.taken_after is not None:
            self._meter.announce_took("taken", news.taken_after)

    def _publish(self) -> None:
        sidecars = [sidecar for sidecar, _ in self._sidecars.values()]
        self.announcements.set(
            {
                id_: self._announcement(id_, answering=sidecar.number(id_) is not None)
                for sidecar in sidecars
                for id_ in sidecar.ids.values()
            }
        )

    def _announcement(self, id_: str, *, answering: bool) -> Announcement:
        dated = self._dated.get(id_)
        if dated and answering:
            return announcement(dated)
        return _SILENT if dated else _STARTING


def _ids(inside: Inside) -> frozenset[str]:
    return frozenset(id_ for names in inside.values() for id_ in names.values())
