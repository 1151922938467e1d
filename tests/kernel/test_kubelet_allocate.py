"""Allocate over a real socket: what comes back, what is refused, what is remembered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import grpc
import grpc.aio
import pytest

from netvsc.model.pair import Exclusion, Inventory, Reason
from netvsc_deviceplugin.kubelet.podresources import GONE_S, Allocation, PodResources
from sim.kubelet.inventories import inventory, pair, revoked
from sim.kubelet.plugin_manager import RESOURCE, Node, node, until

MANA = "7870:00:00.0"


async def refused(here: Node, *ids: str) -> grpc.aio.AioRpcError:
    await here.kubelet.devices(RESOURCE)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await here.kubelet.allocate(RESOURCE, *ids)
    return raised.value


def test_a_container_gets_environment_and_device_nodes() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(pair(1), pair(2)))
            here.add_devices("infiniband/uverbs1", "infiniband/uverbs2")
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                answer = await here.kubelet.allocate(RESOURCE, pair(2).id)
                assert json.loads(answer.envs["NETVSC_PAIRS"])[0]["id"] == pair(2).id
                assert [(one.host_path, one.permissions) for one in answer.devices] == [
                    ("/dev/net/tun", "rw"),
                    ("/dev/infiniband/uverbs2", "rw"),
                    ("/dev/infiniband/rdma_cm", "rw"),
                ]
                assert [one.container_path for one in answer.devices] == [
                    one.host_path for one in answer.devices
                ]
            assert here.count("netvsc_allocations_total", result="granted") == 1
            assert here.count("netvsc_allocate_seconds_count") == 1

    asyncio.run(story())


def test_an_unknown_id_is_not_found() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(pair(1)))
            async with here.agent():
                error = await refused(here, pair(1).id, "00-ff")
            assert error.code() is grpc.StatusCode.NOT_FOUND
            assert "00-ff" in (error.details() or "")
            assert here.count("netvsc_allocations_total", result="refused") == 1
            assert not here.state.exists()

    asyncio.run(story())


def test_an_excluded_pair_is_refused_with_the_reason() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(pair(1)))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                why = Exclusion(
                    id=pair(1).id,
                    interface="eth1",
                    reason=Reason.DEFAULT_ROUTE,
                    message="is uplink",
                )
                here.inventory.set(Inventory(excluded=(why,)))
                await here.kubelet.devices(RESOURCE, until=lambda found: not found)
                error = await refused(here, pair(1).id)
            assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
            assert "is uplink" in (error.details() or "")

    asyncio.run(story())


def test_two_ports_of_one_function_are_refused_and_neither_preferred_nor_recorded() -> None:
    async def story() -> None:
        async with node() as here:
            ports = [pair(1, pci=MANA), pair(2, pci=MANA), pair(3)]
            here.inventory.set(inventory(*ports))
            async with here.agent():
                error = await refused(here, pair(1).id, pair(2).id)
                ids = [one.id for one in ports]
                preferred = await here.kubelet.prefer(RESOURCE, available=ids, size=2)
            assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
            assert MANA in (error.details() or "")
            assert preferred == [pair(1).id, pair(3).id]
            assert not here.state.exists()

    asyncio.run(story())


def test_what_must_be_included_is_preferred() -> None:
    async def story() -> list[str]:
        async with node() as here:
            stock = [pair(1), revoked(pair(2)), pair(3, numa=1)]
            here.inventory.set(inventory(*stock))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                ids = [one.id for one in stock]
                must = [pair(3).id]
                found = await here.kubelet.prefer(RESOURCE, available=ids, must=must, size=2)
                return list(found)

    assert asyncio.run(story()) == [pair(3).id, pair(1).id]


def test_a_state_folder_that_cannot_be_written_grants_nothing() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(pair(1)))
            async with here.agent() as agent:
                here.state.write_text("in the way")
                error = await refused(here, pair(1).id)
                assert agent.allocated_verbs() == {}
            assert error.code() is grpc.StatusCode.INTERNAL
            assert "state folder must be writable" in (error.details() or "")
            assert here.count("netvsc_allocations_total", result="failed") == 1

    asyncio.run(story())


def test_the_holder_is_known_soon_after_allocate() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(pair(1)))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                await here.kubelet.allocate(RESOURCE, pair(1).id)
                here.kubelet.admit("fwd-0", RESOURCE, pair(1).id)
                async for held in here.allocations.changes():
                    if held:
                        assert held[pair(1).id] == Allocation(
                            namespace="default", pod="fwd-0", container="main", resource=RESOURCE
                        )
                        return

    asyncio.run(asyncio.wait_for(story(), 5))


def test_a_restarted_agent_knows_who_holds_what_and_what_was_given() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(pair(1), pair(2)))
            here.add_devices("infiniband/uverbs1")
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                await here.kubelet.allocate(RESOURCE, pair(1).id)
                here.kubelet.admit("fwd-0", RESOURCE, pair(1).id)
            here.allocations.set({})
            before = here.kubelet.looks
            async with here.agent() as again:
                assert again.allocated_verbs() == {pair(1).id: ("uverbs1",)}
                await here.kubelet.looked(before + 1)
                async for held in here.allocations.changes():
                    if held:
                        assert held[pair(1).id].pod == "fwd-0"
                        break
                assert again.allocated_verbs() == {pair(1).id: ("uverbs1",)}

    asyncio.run(asyncio.wait_for(story(), 10))


def test_what_was_given_is_forgotten_once_the_pod_has_ended() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(pair(1)))
            here.kubelet.admit("fwd-0", RESOURCE, pair(1).id)
            async with here.agent() as agent:
                await here.kubelet.devices(RESOURCE)
                await here.kubelet.allocate(RESOURCE, pair(1).id)
                await here.kubelet.looked(here.kubelet.looks + 1)
                here.kubelet.end("fwd-0")
                await here.kubelet.restart()  # a new kubelet is asked at once
                async for held in here.allocations.changes():
                    if not held and not agent.allocated_verbs():
                        return

    asyncio.run(asyncio.wait_for(story(), 10))


def test_a_state_that_was_corrupted_stops_nothing() -> None:
    async def story() -> None:
        async with node() as here:
            here.state.mkdir()
            (here.state / "given.json").write_text('{"00-0d')
            here.inventory.set(inventory(pair(1)))
            async with here.agent() as agent:
                await here.kubelet.devices(RESOURCE)
                await here.kubelet.allocate(RESOURCE, pair(1).id)
                assert agent.allocated_verbs() == {pair(1).id: ()}
            assert (here.state / "given.corrupt").exists()

    asyncio.run(story())


def test_without_podresources_the_last_picture_stands_and_one_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(pair(1)))
            here.kubelet.admit("fwd-0", RESOURCE, pair(1).id)
            host = here.host()
            await host._podresources.refresh()
            await here.kubelet.stop()
            for _ in range(3):
                await host._podresources.refresh()
            assert here.allocations.get()[pair(1).id].pod == "fwd-0"

    asyncio.run(story())
    told = [one for one in caplog.records if "who holds pairs" in one.message]
    assert len(told) == 1


def asking(here: Node, clock: Callable[[], float]) -> PodResources:
    return PodResources(
        here.kubelet.podresources,
        allocations=here.allocations,
        on_answer=lambda *_: None,
        clock=clock,
    )


def test_a_kubelet_that_lists_no_pod_at_all_knows_nothing_yet() -> None:
    async def story() -> None:
        now = 100.0
        async with node() as here:
            asked = asking(here, lambda: now)
            here.kubelet.admit("fwd-0", RESOURCE, pair(1).id)
            await asked.refresh()
            here.kubelet.end("fwd-0")
            await asked.refresh()
            here.kubelet.blank = True
            for _ in range(20):
                now += GONE_S
                await asked.refresh()
            here.kubelet.blank = False
            await asked.refresh()
            assert here.allocations.get()[pair(1).id].pod == "fwd-0"
            now += GONE_S
            await asked.refresh()
            assert not here.allocations.get()

    asyncio.run(story())


def test_a_kubelet_that_was_away_is_not_believed_at_once() -> None:
    async def story() -> None:
        now = 100.0
        async with node() as here:
            asked = asking(here, lambda: now)
            here.kubelet.admit("fwd-0", RESOURCE, pair(1).id)
            await asked.refresh()
            here.kubelet.end("fwd-0")
            await asked.refresh()
            await here.kubelet.stop()
            await asked.refresh()
            now += GONE_S
            await here.kubelet.start()
            await asked.refresh()
            assert here.allocations.get()[pair(1).id].pod == "fwd-0"

    asyncio.run(story())


def test_what_the_next_pod_was_given_is_remembered_when_the_last_is_believed_gone() -> None:
    """A StatefulSet's pod is made anew with the same pair, and the kubelet is slow to admit it."""
    held = Allocation(namespace="default", pod="fwd-0", container="main", resource=RESOURCE)

    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(pair(1)))
            here.add_devices("infiniband/uverbs1")
            async with here.agent() as agent:
                await here.kubelet.devices(RESOURCE)
                await here.kubelet.allocate(RESOURCE, pair(1).id)
                here.kubelet.admit("fwd-0", RESOURCE, pair(1).id)
                await until(here.allocations, {pair(1).id: held})
                here.kubelet.end("fwd-0")
                await here.kubelet.allocate(RESOURCE, pair(1).id)
                await until(here.allocations, {})
                assert agent.allocated_verbs() == {pair(1).id: ("uverbs1",)}

    asyncio.run(story())


def test_a_stream_of_allocations_does_not_put_off_the_look_at_their_holders() -> None:
    async def story() -> int:
        async with node() as here:
            here.inventory.set(inventory(pair(1)))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                await here.kubelet.looked(1)
                asked = 0
                async with asyncio.timeout(5):
                    while here.kubelet.looks < 3:
                        await here.kubelet.allocate(RESOURCE, pair(1).id)
                        asked += 1
                return asked

    assert asyncio.run(story()) > 10
