"""What Multus and the runtime read of our devices, as the kubelet and the node change it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.kubelet.inventories import inventory, pair, revoked
from sim.kubelet.kubelet import PATIENCE
from sim.kubelet.plugin_manager import RESOURCE, Node, node

ONE, TWO = pair(1), pair(2)
FILE = "netvsc.io-pair-00-0d-3a-c0-00-01-device.json"
TUN, RDMA_CM = "/dev/net/tun", "/dev/infiniband/rdma_cm"


def described(here: Node) -> dict[str, str]:
    """Return the PCI addresses of the device-info files by their names."""
    files = {file.name: content(file) for file in here.devinfo.glob("*-device.json")}
    return {name: told["pci"]["pci-address"] for name, told in files.items() if told}


def content(file: Path) -> Any:
    """Return what a file says, None for one that goes right now."""
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        return None


def specified(here: Node) -> dict[str, list[str]]:
    """Return the device nodes in the CDI specification of the pool by device."""
    told = content((here.cdi or Path()) / "netvsc.io-pair.json")
    return {
        one["name"]: [made["path"] for made in one["containerEdits"]["deviceNodes"]]
        for one in (told["devices"] if told else ())
    }


async def until(holds: Callable[[], bool], what: str) -> None:
    """Look until `holds`: a folder that is not there yet cannot be watched."""
    deadline = time.monotonic() + PATIENCE
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


def test_the_device_information_is_there_when_allocate_is_answered_and_goes_with_its_holder() -> (
    None
):
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(ONE, TWO))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                assert described(here) == {}
                await here.kubelet.allocate(RESOURCE, ONE.id)
                assert described(here) == {FILE: "0001:00:02.0"}
                here.kubelet.admit("fwd-0", RESOURCE, ONE.id)
                await here.kubelet.looked(here.kubelet.looks + 1)
                assert described(here) == {FILE: "0001:00:02.0"}
                here.kubelet.end("fwd-0")
                await here.kubelet.allocate(RESOURCE, TWO.id)
                await until(lambda: FILE not in described(here), "the file of a pod that ended")
                assert list(described(here).values()) == ["0002:00:02.0"]

    asyncio.run(story())


def test_the_device_information_follows_the_vf() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(revoked(ONE)))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                await here.kubelet.allocate(RESOURCE, ONE.id)
                assert described(here) == {}
                here.inventory.set(inventory(pair(1, pci="abcd:00:02.0")))
                await until(lambda: described(here) == {FILE: "abcd:00:02.0"}, "another VF")
                here.inventory.set(inventory(revoked(ONE)))
                await until(lambda: described(here) == {}, "no VF")

    asyncio.run(story())


def test_a_new_agent_describes_what_is_held_and_one_that_stops_takes_its_files_along() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(ONE))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                await here.kubelet.allocate(RESOURCE, ONE.id)
                here.kubelet.admit("fwd-0", RESOURCE, ONE.id)
            assert described(here) == {}
            async with here.agent():
                await until(lambda: described(here) == {FILE: "0001:00:02.0"}, "held")

    asyncio.run(story())


def test_a_folder_that_cannot_be_written_keeps_no_pod_from_its_pair() -> None:
    async def story() -> None:
        async with node() as here:
            here.devinfo.touch()
            here.inventory.set(inventory(ONE))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                answer = await here.kubelet.allocate(RESOURCE, ONE.id)
            assert json.loads(answer.envs["NETVSC_PAIRS"])[0]["id"] == ONE.id
            assert here.count("netvsc_allocations_total", result="granted") == 1

    asyncio.run(story())


def test_a_container_is_told_the_cdi_names_of_its_pairs_beside_their_nodes() -> None:
    async def story() -> None:
        async with node() as here:
            here.cdi = here.folder / "cdi"
            here.add_devices("infiniband/uverbs1")
            here.inventory.set(inventory(ONE, TWO))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                answer = await here.kubelet.allocate(RESOURCE, ONE.id)
                assert [one.name for one in answer.cdi_devices] == [f"netvsc.io/pair={ONE.id}"]
                paths = [TUN, "/dev/infiniband/uverbs1", RDMA_CM]
                assert [one.host_path for one in answer.devices] == paths
                assert specified(here) == {ONE.id: paths, TWO.id: [TUN]}

    asyncio.run(story())


def test_the_cdi_specification_follows_the_node_and_stays_when_the_agent_stops() -> None:
    async def story() -> None:
        async with node() as here:
            here.cdi = here.folder / "cdi"
            here.inventory.set(inventory(ONE, TWO))
            async with here.agent():
                await until(lambda: set(specified(here)) == {ONE.id, TWO.id}, "both")
                here.inventory.set(inventory(TWO))
                await until(lambda: set(specified(here)) == {TWO.id}, "the NIC that is left")
            assert set(specified(here)) == {TWO.id}
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                here.inventory.set(inventory())
                await until(lambda: specified(here) == {}, "nothing to offer")

    asyncio.run(story())


def test_names_that_the_runtime_would_not_find_are_not_told() -> None:
    async def story() -> None:
        async with node() as here:
            here.cdi = here.folder / "cdi"
            here.cdi.touch()
            here.inventory.set(inventory(ONE))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                answer = await here.kubelet.allocate(RESOURCE, ONE.id)
            assert list(answer.cdi_devices) == []
            assert [one.host_path for one in answer.devices] == [TUN]

    asyncio.run(story())


def test_without_the_option_there_are_no_names() -> None:
    async def story() -> None:
        async with node() as here:
            here.inventory.set(inventory(ONE))
            async with here.agent():
                await here.kubelet.devices(RESOURCE)
                answer = await here.kubelet.allocate(RESOURCE, ONE.id)
            assert list(answer.cdi_devices) == []

    asyncio.run(story())
