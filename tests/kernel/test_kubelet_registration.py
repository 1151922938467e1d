"""The agent and a kubelet find each other over real sockets, whoever starts, stops or dies."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from netvsc.errors import NodeError
from netvsc.model.pool import BUILT_IN
from netvsc_deviceplugin.kubelet import registration
from sim.kubelet.inventories import inventory, pair
from sim.kubelet.plugin_manager import RESOURCE, Node, node, until

FAST = replace(BUILT_IN, name="fast", resource="netvsc.io/fast")
STOCK = inventory(pair(1), pair(2), pair(3, pool="fast"))


def sockets(here: Node) -> set[str]:
    return {path.name for path in here.kubelet.plugins_folder.glob("netvsc.io_*")}


def test_the_agent_registers_each_pool_on_its_own_socket() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(STOCK)
            here.pools.set((BUILT_IN, FAST))
            async with here.agent() as agent:
                assert len(await here.kubelet.devices(RESOURCE)) == 2
                assert len(await here.kubelet.devices(FAST.resource)) == 1
                one, other = here.kubelet.plugin(RESOURCE), here.kubelet.plugin(FAST.resource)
                assert one.endpoint != other.endpoint
                assert sockets(here) == {one.endpoint, other.endpoint}
                await until(agent.registrations, {RESOURCE: True, FAST.resource: True})

    asyncio.run(story())


def test_it_registers_within_half_a_second_of_its_start() -> None:
    async def story() -> float:
        async with node() as here:
            began = time.monotonic()
            async with here.agent():
                return await here.kubelet.registered(RESOURCE) - began

    assert asyncio.run(story()) < 0.5


def test_it_offers_preferences_and_asks_for_no_call_before_start() -> None:
    async def story() -> None:
        async with node() as here, here.agent():
            await here.kubelet.registered(RESOURCE)
            options = here.kubelet.plugin(RESOURCE).options
            assert options.get_preferred_allocation_available
            assert not options.pre_start_required
            assert await here.kubelet.pre_start(RESOURCE, pair(1).id) is not None

    asyncio.run(story())


def test_a_kubelet_that_starts_later_is_found() -> None:
    async def story() -> None:
        async with node(kubelet=False) as here, here.agent() as agent:
            await until(agent.registrations, {RESOURCE: False})
            assert sockets(here) == set()
            started = await here.kubelet.start()
            assert await here.kubelet.registered(RESOURCE) - started < 1.0

    asyncio.run(story())


def test_twenty_restarts_of_the_kubelet_lose_no_device() -> None:
    async def story() -> list[float]:
        waits = []
        async with node() as here:
            here.inventory.set(STOCK)
            async with here.agent() as agent:
                await here.kubelet.registered(RESOURCE)
                for _ in range(20):
                    began = await here.kubelet.restart()
                    waits.append(await here.kubelet.registered(RESOURCE, since=began) - began)
                    devices = await here.kubelet.devices(RESOURCE, since=began)
                    assert set(devices) == {pair(1).id, pair(2).id}
                await until(agent.registrations, {RESOURCE: True})
                assert len(here.kubelet.registrations(RESOURCE)) == 21
        return waits

    assert max(asyncio.run(story())) < 1.0


def test_a_kubelet_that_was_killed_leaves_its_socket_and_is_waited_for() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(STOCK)
            async with here.agent() as agent:
                await here.kubelet.devices(RESOURCE)
                await until(agent.registrations, {RESOURCE: True})
                await here.kubelet.crash()
                await until(agent.registrations, {RESOURCE: False})
                began = await here.kubelet.start()
                assert await here.kubelet.registered(RESOURCE, since=began) - began < 1.0

    asyncio.run(story())


def test_a_registration_that_is_refused_is_tried_again_with_growing_pauses() -> None:
    async def story() -> None:
        async with node() as here:
            here.kubelet.refuse = "not yet"
            async with here.agent() as agent:
                await here.kubelet.refused(4)
                assert agent.registered() == {RESOURCE: False}
                here.kubelet.refuse = None
                await until(agent.registrations, {RESOURCE: True})
            assert here.count("netvsc_kubelet_registrations_total", result="failed") >= 4
            assert here.count("netvsc_kubelet_registrations_total", result="accepted") == 1

    asyncio.run(story())


def test_a_socket_that_somebody_removed_is_made_again() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(STOCK)
            async with here.agent():
                await here.kubelet.registered(RESOURCE)
                began = time.monotonic()
                (here.kubelet.plugins_folder / here.kubelet.plugin(RESOURCE).endpoint).unlink()
                await here.kubelet.registered(RESOURCE, since=began)
                devices = await here.kubelet.devices(RESOURCE, since=began)
                assert set(devices) == {pair(1).id, pair(2).id}

    asyncio.run(story())


def test_a_kubelet_that_lets_go_of_the_stream_is_asked_again() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(STOCK)
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                began = time.monotonic()
                await here.kubelet.let_go(RESOURCE)
                await here.kubelet.registered(RESOURCE, since=began)
                assert len(await here.kubelet.devices(RESOURCE, since=began)) == 2

    asyncio.run(story())


def test_a_kubelet_that_took_a_registration_and_never_listened_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No stream ends that would tell: there never was one."""
    monkeypatch.setattr(registration, "LISTEN_S", 0.2)

    async def story() -> None:
        async with node() as here:
            here.inventory.set(STOCK)
            here.kubelet.drop = 2
            async with here.agent() as agent:
                assert len(await here.kubelet.devices(RESOURCE)) == 2
                await until(agent.registrations, {RESOURCE: True})
                assert len(here.kubelet.registrations(RESOURCE)) == 3

    asyncio.run(story())


def test_a_pool_that_goes_takes_its_socket_with_it() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(STOCK)
            here.pools.set((BUILT_IN, FAST))
            async with here.agent() as agent:
                await here.kubelet.devices(RESOURCE)
                await here.kubelet.devices(FAST.resource)
                here.pools.set((BUILT_IN,))
                await here.kubelet.gone(FAST.resource)
                assert agent.registered() == {RESOURCE: True}
                assert sockets(here) == {here.kubelet.plugin(RESOURCE).endpoint}

    asyncio.run(story())


def test_a_pool_that_comes_is_registered_without_disturbing_the_others() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(STOCK)
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                here.pools.set((BUILT_IN, FAST))
                await here.kubelet.devices(FAST.resource)
                assert len(here.kubelet.registrations(RESOURCE)) == 1
                assert len(here.kubelet.messages(RESOURCE)) == 1

    asyncio.run(story())


def test_the_agent_leaves_no_socket_behind() -> None:
    async def story() -> None:
        async with node() as here:
            async with here.agent():
                await here.kubelet.registered(RESOURCE)
            assert sockets(here) == set()

    asyncio.run(story())


def test_only_sockets_of_our_own_that_nobody_listens_on_are_removed_at_start() -> None:
    async def story() -> None:
        async with node() as here:
            folder = here.kubelet.plugins_folder
            for name in ("netvsc.io_pair-0.sock", "example.com_gpu.sock"):
                left_behind(folder / name)
            (folder / "netvsc.io_notes.sock").write_text("no socket")
            with socket.socket(socket.AF_UNIX) as alive:
                alive.bind(str(folder / "netvsc.io_pair-1.sock"))
                alive.listen()
                async with here.agent():
                    await here.kubelet.registered(RESOURCE)
                    ours = here.kubelet.plugin(RESOURCE).endpoint
                    assert {path.name for path in folder.iterdir()} == {
                        "kubelet.sock",
                        "example.com_gpu.sock",
                        "netvsc.io_notes.sock",
                        "netvsc.io_pair-1.sock",
                        ours,
                    }

    asyncio.run(story())


def left_behind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))


def test_a_resource_with_the_longest_name_fits_a_sockets_path() -> None:
    long = replace(BUILT_IN, resource=f"netvsc.io/{'n' * 63}")

    async def story() -> None:
        async with node() as here:
            here.pools.set((long,))
            async with here.agent():
                await here.kubelet.registered(long.resource)

    asyncio.run(story())


def test_a_kubelets_folder_that_is_not_there_is_named() -> None:
    async def story() -> None:
        async with node() as here:
            here.kubelet.plugins_folder = here.folder / "elsewhere"
            await here.host().run()

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(story())
    (error,) = raised.value.exceptions
    assert isinstance(error, NodeError)
    assert "elsewhere: No such file or directory; it must be mounted there" in str(error)


def test_a_kubelets_folder_that_is_replaced_ends_the_agent_rather_than_leave_it_deaf() -> None:
    async def story() -> None:
        async with node() as here:
            running = asyncio.create_task(here.host().run())
            await here.kubelet.registered(RESOURCE)
            here.kubelet.plugins_folder.rename(here.folder / "aside")
            here.kubelet.plugins_folder.mkdir()
            await running

    with pytest.raises(ExceptionGroup) as raised:
        asyncio.run(story())
    (error,) = raised.value.exceptions
    assert "was removed or replaced: restart the agent" in str(error)


def test_an_old_agent_that_ends_after_the_new_one_registered_costs_less_than_a_second() -> None:
    async def story() -> float:
        async with node() as here:
            here.inventory.set(STOCK)
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                upgraded = time.monotonic()
                new = asyncio.create_task(here.host().run())
                await here.kubelet.devices(RESOURCE, since=upgraded)
            ended = time.monotonic()  # the kubelet lets go of the new one here
            registered = await here.kubelet.registered(RESOURCE, since=ended)
            assert len(await here.kubelet.devices(RESOURCE, since=ended)) == 2
            new.cancel()
            await asyncio.gather(new, return_exceptions=True)
            return registered - ended

    assert asyncio.run(story()) < 1.0
