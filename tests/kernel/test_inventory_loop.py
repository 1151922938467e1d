"""The inventory follows the real kernel: what wakes it, what it counts, what it never misses."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from netvsc.errors import NodeError
from netvsc.model.pair import Inventory, Path
from netvsc.model.pool import pools_from
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.inventory.loop import InventoryLoop
from netvsc_deviceplugin.inventory.match import Policy
from netvsc_deviceplugin.inventory.scan import NetworkState, ScanSource, scan
from netvsc_deviceplugin.kernel.sysfs import Devices
from sim.kernel import netns
from sim.kernel.host import Host

ETH1 = "00-0d-3a-c0-00-11"


@dataclass
class Counts:
    """A meter that keeps what it is told."""

    scans: list[str] = field(default_factory=list)
    overruns: int = 0
    revoked_pairs: list[str] = field(default_factory=list)
    outages: list[tuple[str, float]] = field(default_factory=list)

    def scanned(self, reason: str, _seconds: float) -> None:
        self.scans.append(reason)

    def overrun(self) -> None:
        self.overruns += 1

    def revoked(self, pair: str) -> None:
        self.revoked_pairs.append(pair)

    def returned(self, pair: str, outage_seconds: float) -> None:
        self.outages.append((pair, outage_seconds))


@dataclass
class Following:
    """A running loop on a live host."""

    host: Host
    loop: InventoryLoop
    counts: Counts
    policy: Latest[Policy]

    async def until(self, holds: Callable[[Inventory], bool], *, seconds: float = 5.0) -> Inventory:
        """Wait for an inventory of which `holds` is true; a hang fails the test."""
        async with asyncio.timeout(seconds):
            async for inventory in self.loop.inventory.changes():
                if holds(inventory):
                    return inventory
        raise AssertionError


@asynccontextmanager
async def following(host: Host, **options: object) -> AsyncIterator[Following]:
    counts, policy = Counts(), Latest(Policy())
    source = ScanSource(sysfs=host.sysfs, sim=True)
    loop = InventoryLoop(source=source, policy=policy, meter=counts, **options)  # type: ignore[arg-type]
    task = asyncio.create_task(loop.run())
    try:
        yield Following(host=host, loop=loop, counts=counts, policy=policy)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def on_azure(story: Callable[[Host], Coroutine[None, None, None]]) -> None:
    """Run a story in the network namespace of a three-NIC host."""
    with Host.from_fixture("f02") as host:
        netns.within(host.netns, lambda: asyncio.run(story(host)))


def path_of(inventory: Inventory, netvsc: str) -> Path | None:
    return next((pair.path for pair in inventory.pairs if pair.netvsc == netvsc), None)


def on_vf(inventory: Inventory) -> bool:
    return path_of(inventory, "eth1") is Path.VF


def on_synthetic(inventory: Inventory) -> bool:
    return path_of(inventory, "eth1") is Path.SYNTHETIC


def test_a_revocation_and_a_return_are_seen_as_they_happen_and_counted_once() -> None:
    async def story(host: Host) -> None:
        async with following(host) as agent:
            await agent.until(on_vf)
            host.revoke("eth1")
            await agent.until(on_synthetic)
            host.give("eth1", pci="9b33:00:03.0", transient="eth9")
            back = await agent.until(lambda found: on_vf(found) and "9b33:00:03.0" in str(found))
            assert back.pairs[0].vf
            assert back.pairs[0].vf.pci == "9b33:00:03.0"
            assert agent.counts.revoked_pairs == [ETH1]
            assert [pair for pair, _ in agent.counts.outages] == [ETH1]
            assert 0 < agent.counts.outages[0][1] < 5

    on_azure(story)


def test_a_flap_too_short_for_a_scan_is_counted_all_the_same() -> None:
    async def story(host: Host) -> None:
        async with following(host) as agent:
            before = await agent.until(on_vf)
            host.revoke("eth1")
            host.give("eth1")  # the loop has not run since: for it both are one burst
            await agent.until(lambda found: on_vf(found) and found != before)
            assert agent.counts.revoked_pairs == [ETH1]
            assert [pair for pair, _ in agent.counts.outages] == [ETH1]

    on_azure(story)


def test_a_surprise_removal_without_a_word_of_leaving_is_counted_once() -> None:
    async def story(host: Host) -> None:
        async with following(host) as agent:
            await agent.until(on_vf)
            host.vanish("eth1")
            await agent.until(on_synthetic)
            assert agent.counts.revoked_pairs == [ETH1]

    on_azure(story)


def test_a_new_default_route_takes_a_pair_from_the_offer_and_its_end_gives_it_back() -> None:
    async def story(host: Host) -> None:
        async with following(host) as agent:
            await agent.until(on_vf)
            host.ip.add_default_route(host.ip.index("eth1"), family=6)
            await agent.until(lambda found: path_of(found, "eth1") is None)
            host.ip.delete_default_route(host.ip.index("eth1"), family=6)
            await agent.until(on_vf)

    on_azure(story)


def test_other_routes_are_no_reason_to_look() -> None:
    async def story(host: Host) -> None:
        async with following(host) as agent:
            await agent.until(on_vf)
            seen = len(agent.counts.scans)
            for i in range(200):
                host.ip.add_route(host.ip.index("eth1"), f"192.0.2.{i}/32")
            host.add_link("probe0", mac="02:00:00:00:00:09")  # a hint that is heard, after them
            host.revoke("eth1")
            await agent.until(on_synthetic)
            assert "route" not in agent.counts.scans[seen:]

    on_azure(story)


def test_new_pools_are_applied_at_once() -> None:
    async def story(host: Host) -> None:
        async with following(host) as agent:
            await agent.until(on_vf)
            data = {"pools": [{"name": "nf", "selector": {"interfaces": ["eth2"]}}]}
            agent.policy.set(Policy(pools=pools_from(data)))
            found = await agent.until(lambda found: path_of(found, "eth1") is None)
            assert [(pair.netvsc, pair.pool) for pair in found.pairs] == [("eth2", "nf")]

    on_azure(story)


def test_an_overrun_is_counted_and_the_state_after_it_is_right() -> None:
    """The kernel drops messages when nobody reads; the socket is replaced and a scan decides."""

    async def story(host: Host) -> None:
        async with following(host, receive_buffer=4096) as agent:
            await agent.until(on_vf)
            index = host.ip.index("eth2")
            for i in range(200):  # the loop cannot read while this thread is here
                host.ip.set_alias(index, f"sim:vmbus:{i}")
            host.ip.set_alias(index, f"sim:vmbus:{host.nics['eth2'].guid}")
            host.revoke("eth1")
            found = await agent.until(on_synthetic)
            assert agent.counts.overruns >= 1
            assert path_of(found, "eth2") is Path.VF
            assert agent.counts.revoked_pairs == [ETH1]
            host.give("eth1")  # the new socket hears
            await agent.until(on_vf)

    on_azure(story)


def test_a_scan_that_fails_is_tried_again_and_what_was_known_stays() -> None:
    async def story(host: Host) -> None:
        failures = iter([False, True])

        def read(source: ScanSource) -> tuple[NetworkState, Devices]:
            if next(failures, False):
                raise NodeError("the kernel refused")
            return scan(source)

        async with following(host, read=read) as agent:
            before = await agent.until(on_vf)
            host.revoke("eth1")
            await asyncio.sleep(0)
            assert agent.loop.inventory.get() == before
            await agent.until(on_synthetic)
            assert next(failures, None) is None

    on_azure(story)


def test_many_flaps_end_in_the_right_state_and_each_is_counted() -> None:
    async def story(host: Host) -> None:
        async with following(host) as agent:
            await agent.until(on_vf)
            for _ in range(50):
                host.revoke("eth1")
                await asyncio.sleep(0)
                host.give("eth1")
                await asyncio.sleep(0)
            host.revoke("eth2")
            host.give("eth2", pci="d5f1:00:03.0")  # what is seen of it comes after all of the flaps
            await agent.until(lambda found: "d5f1:00:03.0" in str(found))
            assert agent.counts.revoked_pairs.count(ETH1) == 50
            assert [pair for pair, _ in agent.counts.outages].count(ETH1) == 50

    on_azure(story)
