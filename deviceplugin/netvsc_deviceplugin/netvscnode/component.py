"""The agent's side of its NetvscNode, put together: the spec comes in, the status goes out.

What is wanted comes from the disk at once and from the apiserver when it answers. Nothing else of
the agent waits for either.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netvsc import __version__
from netvsc.encoding.serialize import from_plain
from netvsc.encoding.timestamps import to_text
from netvsc.errors import ConfigError, RequestError
from netvsc.model.status import AgentStatus, NodeStatus
from netvsc_deviceplugin.apiserver.access import access
from netvsc_deviceplugin.apiserver.client import Client
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.wallclock import WallClock, boot
from netvsc_deviceplugin.inventory.pairing import VfMemory
from netvsc_deviceplugin.inventory.vf_events import Returned, Revoked, VfHistory
from netvsc_deviceplugin.kubelet.podresources import Allocations
from netvsc_deviceplugin.netvscnode import cache, restore
from netvsc_deviceplugin.netvscnode.counts import PairCounts
from netvsc_deviceplugin.netvscnode.inputs import Inputs, states
from netvsc_deviceplugin.netvscnode.reannounce import AnnounceOrders
from netvsc_deviceplugin.netvscnode.spec import AcceptedSpec, accept
from netvsc_deviceplugin.netvscnode.status import Snapshot, attachments_of, status_of
from netvsc_deviceplugin.netvscnode.watch import NodeWatch, status_target
from netvsc_deviceplugin.netvscnode.writer import StatusWriter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """Whose NetvscNode; `kubeconfig` is for those who are in no pod."""

    name: str
    kubeconfig: Path | None = None


Restore = Callable[[Mapping[str, VfMemory], Mapping[str, VfHistory]], Collection[str]]


class NetvscNodeSync:
    """`wanted` is what is asked of the agent; `restore` hears of the former VFs.

    It tells which pairs were seen already.

    Call `begin` first, `count` for each event of a VF. Raises ConfigError where there is no
    way to the apiserver.
    """

    def __init__(
        self,
        settings: NodeSettings,
        *,
        state: Path,
        restore: Restore,
        wallclock: WallClock,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.wanted: Latest[AcceptedSpec] = Latest(AcceptedSpec())
        self._name = settings.name
        self._state = state
        self._restore = restore
        self._wallclock = wallclock
        self._clock = clock
        self._client = Client(access(settings.kubeconfig))
        self._watch = NodeWatch(self._client, settings.name, clock=clock)
        self._counts = PairCounts()
        self._agent = AgentStatus(version=__version__, started=to_text(wallclock.now()))
        self._status: NodeStatus | None = None
        self._behind = False  # went on from the disk, and has not read the apiserver's since
        self._known = asyncio.Event()
        self._wake: Callable[[], None] = lambda: None

    def begin(self) -> Allocations:
        """Take what is on disk; without it there are no pools until the apiserver answers.

        Return who held pairs then: a kubelet that is away, or just starting, does not say it.
        """
        copy = cache.load(self._state)
        if not copy.generation:
            log.info("no copy of NetvscNode %s on disk: no pools before it is read", self._name)
            return {}
        if copy.boot == boot():
            self._wallclock.restore(copy.dates)
        self._go_on(copy.status, copy.recent)
        self._behind = True
        self.wanted.set(accept(copy.generation, copy.spec, self.wanted.get()))
        self._known.set()
        return restore.holders(copy.status) if copy.status else {}

    def unknown(self) -> str | None:
        """Return why it is not known what is wanted, None if it is (a check of readiness)."""
        if self._known.is_set() or self._watch.listed:
            return None
        return f"NetvscNode {self._name}: {self._watch.trouble.get()}"

    def count(self, event: Revoked | Returned) -> None:
        """Count an event."""
        if isinstance(event, Revoked):
            self._wallclock.begin(event.pair)
            self._counts.revoked(event.pair, self._wallclock.of(event.pair, event.at))
        else:
            at = self._wallclock.of(event.pair, event.at)
            self._counts.returned(event.pair, at, event.outage)
        self._wake()

    async def run(self, inputs: Inputs) -> None:
        """Follow the spec and write the status until cancelled."""
        orders = AnnounceOrders(
            wanted=lambda: self.wanted.get().announce,
            announcements=inputs.announcements.get,
            announce=inputs.announce,
            clock=self._clock,
        )
        if self._status:
            orders.ordered.set(restore.ordered(self._status))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch.run(), name="watch")
                tasks.create_task(self._follow_node(orders), name="node")
                await self._known.wait()
                tasks.create_task(orders.run(), name="orders")
                await self._settled(inputs)
                tasks.create_task(self._write(inputs, orders), name="status")
        finally:
            self._client.close()

    async def _follow_node(self, orders: AnnounceOrders) -> None:
        async for node in self._watch.node.changes():
            if node is None:
                continue
            if self._behind:
                self._catch_up(_status_in(node))
            if not self._known.is_set():
                self._go_on(_status_in(node), {})
                orders.ordered.set(restore.ordered(self._status) if self._status else {})
            self._take(node)
            self._known.set()
            self._wake()

    def _catch_up(self, status: NodeStatus | None) -> None:
        """Take over what went to the apiserver alone, as it does while the disk is full."""
        self._behind = False
        if not status:
            return
        newest = restore.newest(self._status, status)
        with suppress(RequestError):  # a date that makes no sense: the disk's counts stand
            # What is compared with the first look at the node must be as new as the counts.
            past = restore.past(newest, self._wallclock.moment)
            known = self._restore(restore.memory(newest), past)
            self._counts.catch_up(status, known=known)

    def _take(self, node: Mapping[str, Any]) -> None:
        generation = int(node["metadata"].get("generation", 0))
        before = self.wanted.get()
        new = accept(generation, node.get("spec") or {}, before)
        if new.refusal and new.refusal != before.refusal:
            log.error(
                "NetvscNode %s: %s; the last valid pools stay in force", self._name, new.refusal
            )
        self.wanted.set(new)

    def _go_on(self, status: NodeStatus | None, recent: Mapping[str, int]) -> None:
        if not status:
            return
        try:
            past = restore.past(status, self._wallclock.moment)
            self._counts.restore(status, recent)
        except RequestError as error:
            log.warning("the former status is invalid, counters start at zero: %s", error)
            return
        self._restore(restore.memory(status), past)
        self._status = status

    async def _write(self, inputs: Inputs, orders: AnnounceOrders) -> None:
        target = status_target(self._name)
        writer = StatusWriter(
            read=lambda: self._read(inputs, orders),
            keep=self._keep,
            write=lambda patch: self._client.patch(target, patch),
            there=self._watch.uid,
            clock=self._clock,
        )
        writer.begin(self._status)
        self._wake = writer.wake
        async with asyncio.TaskGroup() as tasks:
            follow = _Follow(tasks)
            follow(inputs.inventory, writer.wake)
            follow(inputs.pools, writer.wake)
            follow(inputs.allocations, writer.wake)
            follow(inputs.registered, writer.wake)
            follow(inputs.podresources, writer.wake)
            follow(inputs.announcements, writer.wake)
            follow(inputs.announcements, orders.wake)
            follow(self.wanted, writer.wake)
            follow(self.wanted, orders.wake)
            follow(orders.ordered, writer.wake)
            follow(self._watch.trouble, writer.again)
            if inputs.chain_status:
                follow(inputs.chain_status, writer.wake)
            if inputs.inside:
                follow(inputs.inside, writer.wake)
            await writer.run(lambda: self._counts.next_change(self._wallclock.now()))

    async def _settled(self, inputs: Inputs) -> None:
        """Wait for an inventory of the pools that are wanted: an earlier one would lack pairs."""
        await inputs.scanned.wait()
        async for pools in inputs.pools.changes():
            if pools == self.wanted.get().pools:
                return

    def _read(self, inputs: Inputs, orders: AnnounceOrders) -> NodeStatus:
        now, wanted = self._wallclock.now(), self.wanted.get()
        snapshot = Snapshot(
            agent=self._agent,
            generation=self._generation(inputs),
            inventory=inputs.inventory.get(),
            pools=inputs.pools.get(),
            allocations=inputs.allocations.get(),
            attachments=attachments_of(inputs.checkpoints()),
            allocated_verbs=inputs.allocated_verbs(),
            announcements=inputs.announcements.get(),
            ordered=orders.ordered.get(),
            counts=dict(self._counts.counts),
            recent=self._counts.within_a_day(now),
            states=states(inputs, wanted),
        )
        self._status = status_of(snapshot, self._status, now)
        return self._status

    def _generation(self, inputs: Inputs) -> int:
        """Return the generation that the inventory was made by."""
        wanted, before = self.wanted.get(), self._status
        if inputs.pools.get() == wanted.pools or not before:
            return wanted.generation
        return before.observed_generation

    def _keep(self, status: NodeStatus) -> None:
        wanted = self.wanted.get()
        copy = cache.Copy(
            generation=wanted.generation,
            spec=wanted.spec,
            status=status,
            recent=self._counts.recent(),
            boot=boot(),
            dates=self._wallclock.distances(),
        )
        cache.save(self._state, copy)


class _Follow:
    """Calls back at each change of a value, in a task of a group."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks

    def __call__(self, value: Latest[Any], hint: Callable[[], None]) -> None:
        self._tasks.create_task(_follow(value, hint))


async def _follow(value: Latest[Any], hint: Callable[[], None]) -> None:
    async for _ in value.changes():
        hint()


def _status_in(node: Mapping[str, Any]) -> NodeStatus | None:
    """Return the status that the apiserver has; what another version wrote may be invalid here."""
    try:
        return from_plain(NodeStatus, node["status"]) if node.get("status") else None
    except ConfigError as error:
        log.warning("the status of the NetvscNode is invalid, counters start at zero: %s", error)
        return None
