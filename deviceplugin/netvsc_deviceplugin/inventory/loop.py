"""The inventory's loop: something wakes it, a full scan decides, a change is published.

State is what the last scan saw, and the memory of VFs that left and of addresses on the host; all
come back from the node after a crash, the memory as far as the VFs and NICs are there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from netvsc.errors import NodeError
from netvsc.model.pair import Inventory
from netvsc.model.pool import Pool
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.ratelimit import RateLimit
from netvsc_deviceplugin.concurrency.wakeup import Wakeup
from netvsc_deviceplugin.inventory.address_memory import (
    remember_host_addresses,
    with_host_addresses,
)
from netvsc_deviceplugin.inventory.match import Policy, decide
from netvsc_deviceplugin.inventory.pairing import VfMemory, pair_up, remember
from netvsc_deviceplugin.inventory.scan import NetworkState, ScanSource, refine, scan
from netvsc_deviceplugin.inventory.vf_events import Returned, Revoked, VfEventTracker, VfHistory
from netvsc_deviceplugin.kernel.addresses import NicAddresses
from netvsc_deviceplugin.kernel.events import KernelEvents, ScanReason
from netvsc_deviceplugin.kernel.links import Link
from netvsc_deviceplugin.kernel.sysfs import Devices

QUIET = 0.001  # seconds without a message that end a burst
LONGEST = 0.020  # seconds after which a burst is looked at, quiet or not
RESCAN = 60.0  # seconds; in case a hint was never sent: sysfs changes without a uevent
RETRY = 1.0  # seconds after a scan that failed

log = logging.getLogger(__name__)


class Meter(Protocol):
    """What the loop reports: counts and durations in seconds."""

    def scanned(self, reason: str, seconds: float) -> None: ...
    def overrun(self) -> None: ...
    def revoked(self, pair: str) -> None: ...
    def returned(self, pair: str, outage_seconds: float) -> None: ...


@dataclass(slots=True, kw_only=True)
class _Wakes:
    """Reasons to look that have come since the last look."""

    wakeup: Wakeup = field(default_factory=Wakeup)
    reasons: set[str] = field(default_factory=set)

    def __call__(self, reason: str) -> None:
        self.reasons.add(reason)
        self.wakeup.set()

    def take(self) -> str:
        """Return one reason for all that came, the same one each time for the same set."""
        reason = min(self.reasons)
        self.reasons.clear()
        self.wakeup.clear()
        return reason


class InventoryLoop:
    """Keeps `inventory` true, from when `scanned` is set; `pools` are those that it was made by.

    `read` looks at the node, in a thread; `on_event` hears of revocations and returns.
    """

    def __init__(  # noqa: PLR0913 (its borders, each by its name)
        self,
        *,
        source: ScanSource,
        policy: Latest[Policy],
        meter: Meter,
        receive_buffer: int | None = None,
        read: Callable[[ScanSource], tuple[NetworkState, Devices]] = scan,
        on_event: Callable[[Revoked | Returned], None] = lambda _event: None,
    ) -> None:
        self.inventory: Latest[Inventory] = Latest(Inventory())
        self.pools: Latest[tuple[Pool, ...]] = Latest(())
        self.last_scan: float | None = None
        self.scanned = asyncio.Event()
        self._source = source
        self._policy = policy
        self._meter = meter
        self._receive_buffer = receive_buffer
        self._read = read
        self._on_event = on_event
        self._memory: dict[str, VfMemory] = {}
        self._on_host: dict[str, NicAddresses] = {}
        self._tracker = VfEventTracker()
        self._wakes = _Wakes()

    async def run(self) -> None:
        """Watch and scan until cancelled."""
        buffer = {"receive_buffer": self._receive_buffer} if self._receive_buffer else {}
        with KernelEvents(wake=self.request_scan, gone=self.gone, **buffer):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_policy())
                tasks.create_task(self._scan_when_woken())

    def restore(
        self, memory: Mapping[str, VfMemory], past: Mapping[str, VfHistory]
    ) -> frozenset[str]:
        """Go on from what another run of the agent knew; what was seen since is newer.

        Return the pairs of which something was seen.
        """
        self._memory = {**memory, **self._memory}
        return self._tracker.restore(past)

    def request_scan(self, reason: str) -> None:
        """Take a hint that something changed, here or in another netns."""
        if reason == ScanReason.OVERRUN:
            self._meter.overrun()
            log.warning("netlink overrun: messages were lost, rescanning")
        self._wakes(reason)

    def gone(self, link: Link) -> None:
        """Hear of a removal, here or in another netns; `link` is as the kernel says it."""
        (known,) = refine((link,), self._source)
        self._report(self._tracker.removed(known, time.monotonic()))

    async def _follow_policy(self) -> None:
        async for _ in self._policy.changes():
            self._wakes(ScanReason.POLICY)

    async def _scan_when_woken(self) -> None:
        pace = RateLimit()
        while True:
            await self._burst()
            reason, policy = self._wakes.take(), self._policy.get()
            try:
                found = await self._scan(reason, policy)
            except NodeError as error:
                log.warning("scan failed: %s; trying again in %g s", error, RETRY)
                await asyncio.sleep(RETRY)
                self._wakes(ScanReason.RETRY)
                continue
            if found != self.inventory.get():
                await pace.turn()
                self.inventory.set(found)
            self.pools.set(policy.pools)
            self.scanned.set()

    async def _burst(self) -> None:
        """Wait for a reason to look, then for the end of the burst that it belongs to."""
        if not await self._wakes.wakeup.wait(RESCAN):
            self._wakes(ScanReason.TIMER)
        end = time.monotonic() + LONGEST
        while (left := end - time.monotonic()) > 0:
            if not await self._wakes.wakeup.wait(min(QUIET, left)):
                return

    async def _scan(self, reason: str, policy: Policy) -> Inventory:
        begin = time.monotonic()
        network, devices = await asyncio.to_thread(self._read, self._source)
        nics, conflicts = pair_up(network.links, devices, policy.pools)
        self._memory = remember(self._memory, nics)
        self._on_host = remember_host_addresses(self._on_host, nics)
        nics = with_host_addresses(nics, self._on_host)
        found = decide(nics, conflicts, network, policy, memory=self._memory)
        self.last_scan = time.monotonic()
        self._meter.scanned(reason, self.last_scan - begin)
        self._report(self._tracker.scanned(found, self.last_scan, began=begin))
        return found

    def _report(self, events: list[Revoked | Returned]) -> None:
        for event in events:
            self._on_event(event)
            if isinstance(event, Revoked):
                self._meter.revoked(event.pair)
                log.info("VF revoked", extra={"pair": event.pair})
            else:
                self._meter.returned(event.pair, event.outage)
                log.info("VF returned after %.3f s", event.outage, extra={"pair": event.pair})
