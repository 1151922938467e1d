"""The agent's ear for sidecars, in this process: what it heard, counted and timed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from netvsc.model.status import Announcement
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.kubelet.verbs_checkpoint import Verbs
from netvsc_deviceplugin.sidecar.manager import SidecarManager
from sim.sidecar.fdpipe import PATIENCE

# A pid namespace of its own, as a pod has: we are then outside of it, as the node's agent is.
AS_IN_A_POD = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@dataclass(slots=True)
class Counts:
    """Stands in for the agent's metrics."""

    results: Counter[str] = field(default_factory=Counter)
    stages: list[tuple[str, float]] = field(default_factory=list)

    def announced(self, result: str, count: int) -> None:
        self.results[result] += count

    def announce_took(self, stage: str, seconds: float) -> None:
        self.stages.append((stage, seconds))


class Ear:
    """`enter` and `leave` say which pairs are in which netns."""

    def __init__(self, given: Verbs, inside: Mapping[str, Mapping[str, str]]) -> None:
        self.meter = Counts()
        self.inside: Latest[Mapping[str, Mapping[str, str]]] = Latest(inside)
        self.given = dict(given)
        self.sidecars = SidecarManager(
            inside=self.inside, allocated_verbs=lambda: dict(self.given), meter=self.meter
        )

    def enter(self, netns: str, **pairs: str) -> None:
        self.inside.set({**self.inside.get(), path(netns): pairs})

    def leave(self, netns: str) -> None:
        self.inside.set({k: v for k, v in self.inside.get().items() if k != path(netns)})

    def of(self, pair_id: str) -> Announcement:
        return self.sidecars.announcements.get()[pair_id]

    async def until(
        self, pair_id: str, holds: Callable[[Announcement], bool], what: str
    ) -> Announcement:
        """Wait for an announcement that is so; nothing is asked, what comes is looked at."""
        try:
            async with asyncio.timeout(PATIENCE):
                async for told in self.sidecars.announcements.changes():
                    if pair_id in told and holds(told[pair_id]):
                        return told[pair_id]
        except TimeoutError:
            pass
        raise AssertionError(f"never came: {what}; now {self.sidecars.announcements.get()}")


@asynccontextmanager
async def ear(
    given: Verbs, inside: Mapping[str, Mapping[str, str]] | None = None
) -> AsyncIterator[Ear]:
    made = Ear(given, inside or {})
    task = asyncio.create_task(made.sidecars.run())
    await asyncio.sleep(0)  # it takes note of what is inside already
    try:
        yield made
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def path(netns: str) -> str:
    return f"/run/netns/{netns}"
