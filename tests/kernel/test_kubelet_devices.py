"""What ListAndWatch says over a real socket: everything that matters, and nothing else."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from netvsc.model.pair import Inventory
from netvsc.model.pool import BUILT_IN
from sim.kubelet.inventories import inventory, pair, revoked
from sim.kubelet.kubelet import Devices, Message
from sim.kubelet.plugin_manager import RESOURCE, Node, node

PAIRS = [pair(number) for number in range(1, 101)]


def test_a_device_carries_its_numa_node_and_a_nic_without_one_none() -> None:
    async def story() -> Devices:
        async with node() as here:
            here.inventory.set(inventory(pair(1, numa=1), pair(2, numa=None)))
            async with here.agent():
                return await here.kubelet.devices(RESOURCE)

    devices = asyncio.run(story())
    assert [one.ID for one in devices[pair(1).id].topology.nodes] == [1]
    assert not devices[pair(2).id].HasField("topology")
    assert {device.health for device in devices.values()} == {"Healthy"}


def test_a_change_reaches_the_kubelet_within_fifty_milliseconds() -> None:
    async def story() -> float:
        async with node() as here:
            here.inventory.set(inventory(pair(1)))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                await asyncio.sleep(0.15)  # the stream's pace: the change after a quiet while
                began = time.monotonic()
                here.inventory.set(inventory(pair(1), pair(2)))
                await here.kubelet.devices(RESOURCE, until=lambda found: len(found) == 2)
                return here.kubelet.messages(RESOURCE)[-1].at - began

    assert asyncio.run(story()) < 0.05


def test_nine_hundred_flaps_of_a_vf_are_not_one_message_to_the_kubelet() -> None:
    async def story() -> tuple[int, Devices]:
        async with node() as here:
            here.inventory.set(inventory(pair(1), pair(2)))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                for _ in range(450):
                    await publish(here, inventory(revoked(pair(1)), pair(2)))
                    await publish(here, inventory(pair(1), pair(2)))
                await publish(here, inventory(pair(1), pair(2), pair(3)))
                devices = await here.kubelet.devices(RESOURCE, until=lambda found: len(found) == 3)
                return len(here.kubelet.messages(RESOURCE)), devices

    messages, devices = asyncio.run(story())
    assert messages == 2  # the first, and the third pair
    assert set(devices) == {pair(1).id, pair(2).id, pair(3).id}


async def publish(here: Node, now: Inventory) -> None:
    """Set an inventory and let the agent see it before the next one."""
    here.inventory.set(now)
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_hundred_pairs_appear_and_vanish_in_ten_messages_a_second_with_the_last_right() -> None:
    async def story() -> tuple[list[Message], Devices]:
        async with node() as here, here.agent():
            await here.kubelet.devices(RESOURCE)
            for step in [*range(1, 101), *range(99, 6, -1)]:
                here.inventory.set(inventory(*PAIRS[:step]))
                await asyncio.sleep(0.004)
            last = await here.kubelet.devices(RESOURCE, until=lambda found: len(found) == 7)
            return list(here.kubelet.messages(RESOURCE)), last

    messages, last = asyncio.run(story())
    assert set(last) == {one.id for one in PAIRS[:7]}
    assert len(messages) > 2
    for i, message in enumerate(messages):
        within = [one for one in messages[i:] if one.at - message.at < 0.99]
        assert len(within) <= 10


def test_a_pair_turns_unhealthy_when_its_vf_stays_away_too_long() -> None:
    strict = replace(BUILT_IN, unhealthy_after_s=0.05)

    async def story() -> float:
        async with node() as here:
            here.pools.set((strict,))
            here.inventory.set(inventory(pair(1), pair(2)))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                began = time.monotonic()
                here.inventory.set(inventory(revoked(pair(1)), pair(2)))
                await here.kubelet.devices(RESOURCE, until=lambda d: ill(d) == {pair(1).id})
                flipped = time.monotonic() - began
                here.inventory.set(inventory(pair(1), pair(2)))
                await here.kubelet.devices(RESOURCE, until=lambda d: ill(d) == set())
                return flipped

    assert asyncio.run(story()) >= 0.05


def ill(devices: Devices) -> set[str]:
    return {id_ for id_, device in devices.items() if device.health == "Unhealthy"}


def test_a_second_listener_is_told_the_same() -> None:
    async def story() -> tuple[Devices, Devices]:
        async with node() as here:
            here.inventory.set(inventory(pair(1), pair(2)))
            async with here.agent():
                first = await here.kubelet.devices(RESOURCE)
                began = await here.kubelet.restart()
                return first, await here.kubelet.devices(RESOURCE, since=began)

    first, second = asyncio.run(story())
    assert first == second
