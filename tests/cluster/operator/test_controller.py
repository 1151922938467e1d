"""The controller at a real apiserver; agents and sidecars are simulated (sim.cluster.nodes)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cluster.apiserver import apiserver
from cluster.harness import Cluster
from cluster.operator.foreign_objects import AZURES_KIND, allocated, azure, dranet, moved
from cluster.operator.stage import Site, eventually, install, made, site
from netvsc_deviceplugin.apiserver.access import access
from sim.cluster.controller import ControllerProcess
from sim.cluster.controller_load import CI, FULL, figures
from sim.cluster.dying_proxy import DeadlyDoor
from sim.cluster.nodes import returned, revoked, taken

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with apiserver("controller") as made:
        install(made)
        made.apply(
            {"apiVersion": "netvsc.io/v1alpha1", "kind": "NetvscPool", "metadata": {"name": "pair"},
             "spec": {"nodeSelector": {"nfv": "yes"}}},
        )  # fmt: skip
        yield made


Story = Callable[[Site], Coroutine[Any, Any, None]]


def tell(cluster: Cluster, name: str, story: Story, *, pace: str = "2,5,15,45") -> None:
    async def run() -> None:
        controller = ControllerProcess(cluster.layout.kubeconfig, pace=pace)
        async with site(cluster, name) as here, controller:
            await made(here)
            await story(here)

    asyncio.run(run())


def test_revoked_is_told_within_a_second_and_returned_with_its_times(cluster: Cluster) -> None:
    async def story(here: Site) -> None:
        began = time.monotonic()
        await here.agent.write(revoked(here.agent[0]))
        await here.becomes("False", within_s=1)
        await here.told("VFRevoked", within_s=max(0.1, began + 1 - time.monotonic()))
        assert await here.events("Node") == ["VFRevoked"]
        since = (await here.condition())["lastTransitionTime"]
        await here.agent.write(returned(here.agent[0]))
        assert (await here.condition())["lastTransitionTime"] == since
        await here.agent.write(taken(here.agent[0]))
        await here.told("VFReturned", within_s=1)
        note = await here.note("VFReturned")
        assert "came back after" in note
        assert "the application took it" in note
        assert (await here.condition())["status"] == "True"

    tell(cluster, "told", story)


def test_the_pool_says_what_it_has_and_the_node_is_listed(cluster: Cluster) -> None:
    async def story(here: Site) -> None:
        async def it_counts() -> bool:
            told = (await here.get("nvp", "pair"))["status"]
            return (told.get("pairs"), told.get("free")) == (1, 0)

        await eventually(it_counts)
        line = cluster.kubectl("get", "nvn", here.name, "--no-headers").split()
        assert line[:5] == [here.name, "1", "0", "1", "0"]

    tell(cluster, "counted", story)


def test_a_deaf_sidecar_is_asked_until_it_hears(cluster: Cluster) -> None:
    async def story(here: Site) -> None:
        here.agent.heals_at = 2
        async with here.agent.obeying():
            await here.agent.write(revoked(here.agent[0]))
            await here.agent.write(returned(here.agent[0]))
            await here.told("VFReturned")
        assert here.agent.orders == [1, 2]
        told = ["VFRevoked", "AnnouncementRepeated", "AnnouncementRepeated", "VFReturned"]
        assert sorted(await here.events()) == sorted(told)

    tell(cluster, "deaf", story, pace="0.5,0.5,1,1")


def test_orders_in_vain_end_in_a_warning_and_recover(cluster: Cluster) -> None:
    async def story(here: Site) -> None:
        here.agent.heals_at = 99
        async with here.agent.obeying():
            await here.agent.write(revoked(here.agent[0]))
            await here.agent.write(returned(here.agent[0]))
            await here.told("SidecarNotListening")
            assert here.agent.orders == [1, 2, 3]
            assert "netvsc-fdpipe" in await here.note("SidecarNotListening")
            await here.agent.write(taken(here.agent[0]))
            await here.told("VFReturned")
            await here.becomes("True")

    tell(cluster, "vain", story, pace="0.3,0.3,0.3,0.3")


def test_an_annotation_orders_by_hand(cluster: Cluster) -> None:
    async def story(here: Site) -> None:
        async with here.agent.obeying():
            for value, number in (("one", 1), ("two", 2)):
                word = f"netvsc.io/reannounce={value}"
                cluster.kubectl("annotate", "pod", here.pod, word, "--overwrite")
                await here.told("AnnouncementRepeated", times=number)
        assert here.agent.orders == [1, 2]

    tell(cluster, "hand", story)


def test_a_label_taken_from_a_node_takes_its_pools(cluster: Cluster) -> None:
    async def story(here: Site) -> None:
        cluster.kubectl("label", "node", here.name, "nfv-")

        async def it_has_none() -> bool:
            return not (await here.spec())["pools"]

        await eventually(it_has_none)

    tell(cluster, "label", story)


def test_a_controller_that_was_away_tells_of_all_of_it_once(cluster: Cluster) -> None:
    async def story() -> None:
        async with site(cluster, "away") as here:
            async with ControllerProcess(cluster.layout.kubeconfig) as one:
                await made(here)
                one.stop(signal.SIGKILL)
            for _ in range(3):
                await here.agent.write(revoked(here.agent[0]))
                await here.agent.write(returned(here.agent[0]))
            await here.agent.write(taken(here.agent[0]))
            for _ in range(2):
                async with ControllerProcess(cluster.layout.kubeconfig) as one:
                    await here.told("VFReturned")
                    await one.ready()
            assert sorted(await here.events()) == ["VFReturned", "VFRevoked"]
            assert "was revoked 3 times" in await here.note("VFRevoked")

    asyncio.run(story())


@pytest.mark.parametrize("before", [True, False], ids=["before each write", "after each write"])
def test_killed_at_every_write_it_tells_all_and_nothing_twice(
    cluster: Cluster, tmp_path: Path, *, before: bool
) -> None:
    """The controller reaches the apiserver by a door that kills it at each new kind of write."""

    async def story() -> int:
        name = "killed-before" if before else "killed-after"
        door = DeadlyDoor(access(cluster.layout.kubeconfig), before=before)
        async with site(cluster, name) as here, door as way:
            kubeconfig = way.kubeconfig(tmp_path)
            async with _always(kubeconfig, way):
                await made(here)
                here.agent.heals_at = 2
                async with here.agent.obeying():
                    await here.agent.write(revoked(here.agent[0]))
                    await here.becomes("False")
                    await here.agent.write(returned(here.agent[0]))
                    await here.told("VFReturned", within_s=60)
                    await here.becomes("True")
            told = ["VFRevoked", "AnnouncementRepeated", "AnnouncementRepeated", "VFReturned"]
            assert sorted(await here.events()) == sorted(told)
            assert sorted(await here.events("Node")) == sorted(told)
            assert here.agent.orders == [1, 2]
            return door.deaths

    assert asyncio.run(story()) >= 10


@asynccontextmanager
async def _always(kubeconfig: Path, door: DeadlyDoor) -> AsyncIterator[None]:
    """Start the controller anew whenever it was killed, as the kubelet does."""

    async def run() -> None:
        while True:
            async with ControllerProcess(kubeconfig, pace="1,1,3,3") as one:
                door.victim = one.process.pid
                await asyncio.to_thread(one.process.wait)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        door.victim = None
        task.cancel()
        await asyncio.wait([task])


def test_it_leaves_no_mark_on_what_is_not_its_own_and_ends_when_told(cluster: Cluster) -> None:
    async def story() -> None:
        controller = ControllerProcess(cluster.layout.kubeconfig)
        async with site(cluster, "polite") as here, controller as one:
            await made(here)
            await here.agent.write(revoked(here.agent[0]))
            await here.told("VFRevoked")
            for what in (("node", here.name), ("pod", here.pod)):
                meta = (await here.get(*what))["metadata"]
                assert "finalizers" not in meta
                assert not [key for key in meta.get("annotations") or {} if "netvsc" in key]
            began = time.monotonic()
            assert await asyncio.to_thread(one.stop) == 0
            assert time.monotonic() - began < 2

    asyncio.run(story())


def test_without_its_kinds_it_waits_for_them_and_says_so() -> None:
    async def story(bare: Cluster) -> None:
        async with ControllerProcess(bare.layout.kubeconfig) as one:

            async def it_says_so() -> bool:
                return "netvsc-operator crds" in await one.page("readyz")

            await eventually(it_says_so)
            assert await one.page("healthz") == "ok\n"
            install(bare)
            await one.ready()

    with apiserver("bare") as bare:
        asyncio.run(story(bare))


def test_the_apiserver_goes_and_returns_and_everything_catches_up(cluster: Cluster) -> None:
    async def story(here: Site) -> None:
        await asyncio.to_thread(cluster.node.stop, "kube-apiserver")
        await asyncio.sleep(3)  # no event tells that a controller has failed to reach something
        await asyncio.to_thread(cluster.node.start, "kube-apiserver")
        await here.agent.write(revoked(here.agent[0]))
        await here.told("VFRevoked")
        await here.agent.write(taken(returned(here.agent[0])))
        await here.told("VFReturned")

    tell(cluster, "outage", story)


def test_foreign_owners_are_found_in_dranets_and_in_azures_objects(cluster: Cluster) -> None:
    async def story(here: Site) -> None:
        cluster.apply(*dranet(here.name), *azure(here.name))
        for what, status in (("resourceclaim", allocated(here.name)), ("mtpnc", moved(here.name))):
            patch = json.dumps({"status": status})
            words = ("patch", what, "taken", "--subresource=status", "--type=merge", "-p", patch)
            cluster.kubectl(*words)

        async def all_are_known() -> bool:
            return (await here.spec()).get("foreign") == [
                {"interface": "eth1", "owner": "acn.azure.com", "state": "allocated"},
                {"interface": "eth2", "owner": "dra.net", "state": "allocated"},
                {"interface": "eth3", "owner": "dra.net", "state": "listed"},
            ]

        await eventually(all_are_known)
        cluster.kubectl("delete", "resourceslice", f"{here.name}-slice")
        cluster.kubectl("delete", "mtpnc", "taken")

        async def none_is_left() -> bool:
            return not (await here.spec())["foreign"]

        await eventually(none_is_left)

    cluster.apply(AZURES_KIND)
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{AZURES_KIND['metadata']['name']}")
    tell(cluster, "foreign", story)


def test_a_fleet_is_told_of_within_its_budget() -> None:
    """Has a control plane of its own: five thousand nodes are no neighbours for other tests."""
    size = FULL if os.environ.get("NETVSC_SOAK") else CI
    with apiserver("fleet") as made_for_it:
        install(made_for_it)
        found = asyncio.run(figures(made_for_it.layout.kubeconfig, size))
    print(found.table(size))
    assert max(max(lags) for lags in found.lags.values()) <= 10
    assert len(found.lags["VFReturned"]) == size.changing
    assert found.peak_mib <= 250
