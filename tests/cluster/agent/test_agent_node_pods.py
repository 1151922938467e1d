"""The agent's NetvscNode while a pod has its pair inside: whose it is, what its sidecar says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from cluster.agent.node import (
    PAIR,
    Status,
    Told,
    condition,
    door_of,
    install_crd,
    new_name,
    options_of,
    pair,
)
from cluster.apiserver import apiserver
from sim.cni.calls import id_of
from sim.cni.node import azure
from sim.sidecar import fdpipe
from sim.sidecar.fdpipe import Reader
from sim.sidecar.sidecars import AS_IN_A_POD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from cluster.harness import Cluster
    from sim.cni.calls import Pod
    from sim.cni.node import Node
    from sim.kernel.host import Host
    from sim.sidecar.fdpipe import Sidecar

pytestmark = pytest.mark.cluster
ONE = id_of(1)
LINE = "0001:00:02.0"
QUICK = ("--gate", "immediate", "--poll-ms", "20", "--settle-ms", "5")


@pytest.fixture(scope="module")
def plane() -> Iterator[Cluster]:
    with apiserver("agent-pods") as made:
        install_crd(made)
        yield made


@dataclass(frozen=True)
class InPod:
    """What fdpipe's stand-in of a pod wants of a host."""

    netns: str
    sysfs: object


@dataclass
class Stage:
    """A node whose only pair is in a pod; `volume` is what the pod's containers share."""

    node: Node
    told: Told
    pod: Pod
    volume: fdpipe.Pod

    def sidecar(self) -> Sidecar:
        return self.volume.sidecar(*QUICK, within=AS_IN_A_POD)

    async def until(self, holds: Callable[[Status], object], what: str) -> Status:
        status = await self.told.status(lambda found: pair(found, ONE) and holds(found), what)
        return pair(status, ONE)


@asynccontextmanager
async def stage(cluster: Cluster) -> AsyncIterator[Stage]:
    async with azure(1) as node, door_of(cluster, node.cni.host.netns) as door:
        told = Told(cluster, new_name())
        await told.ask()
        async with node.agent("chained", *options_of(told, node.folder, door)):
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
            pod = node.cni.pod()
            volume = fdpipe.Pod(host=cast("Host", InPod(pod.netns, node.cni.host.sysfs)))
            node.cni.stack.enter_context(volume)
            await node.holds(pod, 1)
            assert (await node.call("ADD", pod)).code == 0
            yield Stage(node, told, pod, volume)


def on_stage(cluster: Cluster, story: Callable[[Stage], Coroutine[None, None, None]]) -> None:
    async def play() -> None:
        async with stage(cluster) as made:
            await story(made)

    asyncio.run(play())


async def line_read(reader: Reader) -> None:
    """Read as an application does, until the address comes."""
    while await asyncio.to_thread(reader.wait) != f"{LINE}\n".encode():
        continue


def said(status: Status) -> Status:
    found: Status = pair(status, ONE).get("announcement", {})
    return found


def test_a_pair_in_a_pod_is_told_with_its_holder_and_its_name_there(plane: Cluster) -> None:
    async def story(stage: Stage) -> None:
        told = await stage.until(
            lambda s: pair(s, ONE).get("allocation", {}).get("interface"), "inside"
        )
        assert told["netvsc"] == "eth1"
        assert told["allocation"] == {
            "namespace": "nf",
            "pod": stage.pod.container,
            "container": "fwd",
            "resource": PAIR,
            "uid": "uid-of-it",
            "interface": "netvsc0",
        }
        assert told["announcement"]["state"] == "Unknown"
        status = await stage.told.status(
            lambda s: condition(s, "ChainInstalled")["status"] == "True", "chained"
        )
        assert condition(status, "ChainInstalled")["reason"] == "Chained"

    on_stage(plane, story)


def test_what_the_sidecar_says_is_told_and_an_order_makes_it_announce_again(
    plane: Cluster,
) -> None:
    async def story(stage: Stage) -> None:
        stage.sidecar()
        with Reader(stage.volume.pipe) as reader:
            await line_read(reader)
            taken = await stage.until(lambda s: said(s).get("state") == "Taken", "taken")
            told = taken["announcement"]
            assert (told["line"], told["takenGeneration"]) == (LINE, 1)
            await stage.told.ask(announce={ONE: 1})
            await stage.until(lambda s: said(s).get("ordered") == 1, "carried out")
            await line_read(reader)
            await stage.until(lambda s: said(s)["takenAt"] > told["takenAt"], "taken again")

    on_stage(plane, story)


def test_an_order_without_a_sidecar_is_kept_until_one_answers(plane: Cluster) -> None:
    async def story(stage: Stage) -> None:
        await stage.told.ask(announce={ONE: 4})
        told = await stage.told.status(lambda s: s["observedGeneration"] == 2, "seen")
        assert (said(told)["state"], said(told)["ordered"]) == ("Unknown", 0)
        stage.sidecar()
        await stage.until(lambda s: said(s).get("ordered") == 4, "carried out")

    on_stage(plane, story)


def test_an_uninstall_waits_for_the_last_pair_and_names_the_pod(plane: Cluster) -> None:
    async def story(stage: Stage) -> None:
        await stage.told.ask(uninstall=True)
        status = await stage.told.status(lambda s: condition(s, "Uninstalled"), "answered")
        waits = condition(status, "Uninstalled")
        assert (waits["status"], waits["reason"]) == ("False", "PairsInUse")
        assert f"nf/{stage.pod.container}" in waits["message"]
        assert (await stage.node.call("DEL", stage.pod)).code == 0
        stage.node.kubelet.end(stage.pod.container)
        status = await stage.told.status(
            lambda s: condition(s, "Uninstalled")["status"] == "True", "left"
        )
        assert condition(status, "Uninstalled")["reason"] == "Removed"

    on_stage(plane, story)
