"""The real agent and a real sidecar in a pod that CNI gave its pair: what both know of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import cast

from sim.agent import AgentProcess
from sim.cni.calls import Pod, id_of
from sim.cni.node import PAIR, Node, azure
from sim.kernel.host import Host
from sim.kernel.links import mac_of
from sim.kernel.systree import PciFacts
from sim.sidecar import fdpipe
from sim.sidecar.fdpipe import Reader, Sidecar, binary
from sim.sidecar.sidecars import AS_IN_A_POD

QUICK = ("--gate", "immediate", "--poll-ms", "20", "--settle-ms", "5")
ONE, TWO = id_of(1), id_of(2)


@dataclass(frozen=True)
class InPod:
    """What fdpipe's stand-in of a pod wants of a host: the pod's netns, and /sys."""

    netns: str
    sysfs: object


@dataclass
class Stage:
    node: Node
    agent: AgentProcess
    pods: list[Pod]
    volumes: list[fdpipe.Pod]

    def sidecar(self, number: int) -> Sidecar:
        return self.volumes[number - 1].sidecar(*QUICK, within=AS_IN_A_POD)

    def pipe(self, number: int) -> Reader:
        return Reader(self.volumes[number - 1].pipe)

    def revoke(self, *numbers: int) -> None:
        for number in numbers:
            self.node.cni.revoke_in(number, self.pods[number - 1])

    def bring(self, number: int, verbs: int) -> None:
        """The VF returns in the host's netns, whole, with the verbs device of this number."""
        host = self.node.cni.host
        facts = PciFacts(address=address(number), verbs=((f"uverbs{verbs}", f"mlx5_{verbs}"),))
        host.tree.add_pci(facts)
        index = host.add_link(f"vf{number}", mac=mac_of(number + 1))
        host.ip.set_alias(index, f"sim:pci:{facts.address};master={mac_of(number + 1)}")

    async def metric(self, sample: str, value: float) -> None:
        await self.agent.until(lambda a: a.metric(sample) == value, f"{sample} {value:g}")

    async def mismatch(self, id_: str, value: int) -> None:
        await self.metric(f'netvsc_verbs_mismatch{{pair="{id_}"}}', value)


def address(number: int) -> str:
    return f"{number:04x}:00:02.0"


def on_stage(story: Callable[[Stage], Coroutine[None, None, None]]) -> None:
    """Two pods, each with a pair that the kubelet allocated and CNI moved in."""

    async def play() -> None:
        async with azure(2) as node:
            devices(node)
            async with agent(node) as running:
                await node.kubelet.devices(PAIR, until=lambda found: len(found) == 2)
                pods = [node.cni.pod(), node.cni.pod()]
                volumes = [volume(node, pod) for pod in pods]
                for number, pod in enumerate(pods, start=1):
                    node.cni.stack.enter_context(volumes[number - 1])
                    await node.holds(pod, number)
                    assert (await node.call("ADD", pod)).code == 0
                await story(Stage(node, running, pods, volumes))

    asyncio.run(play())


def devices(node: Node) -> None:
    """Give both VFs a verbs device that is their own, and /dev what Allocate asks it for."""
    folder = node.folder / "dev/infiniband"
    folder.mkdir(parents=True)
    for number in (1, 2):
        node.cni.host.tree.add_verbs(address(number), f"uverbs{number - 1}", f"mlx5_{number - 1}")
        (folder / f"uverbs{number - 1}").touch()


def agent(node: Node) -> AgentProcess:
    paths = ["--cni-conf", f"{node.folder}/conf", "--cni-bin", f"{node.folder}/bin"]
    dev = ["--dev", f"{node.folder}/dev", "--cni-shim", str(binary("fdpipe"))]
    return AgentProcess(node.cni.host, node.folder, "--cni", "chained", *paths, *dev)


def volume(node: Node, pod: Pod) -> fdpipe.Pod:
    return fdpipe.Pod(host=cast("Host", InPod(pod.netns, node.cni.host.sysfs)))


async def told(sidecar: Sidecar) -> None:
    await asyncio.to_thread(sidecar.wait_log, "verbs", detail="told")


async def read_line(reader: Reader, number: int) -> None:
    while await asyncio.to_thread(reader.wait) != f"{address(number)}\n".encode():
        pass


def test_a_line_that_is_taken_in_a_pod_is_known_on_the_node_within_a_second() -> None:
    async def story(stage: Stage) -> None:
        sidecar = stage.sidecar(1)
        await told(sidecar)
        with stage.pipe(1) as reader:
            await read_line(reader, 1)
            began = time.monotonic()
            await stage.metric('netvsc_announcements_total{result="taken"}', 1)
            assert time.monotonic() - began < 1.0
            stage.revoke(1)
            stage.bring(1, verbs=0)
            await read_line(reader, 1)
            await stage.metric('netvsc_announcements_total{result="taken"}', 2)
        await stage.mismatch(ONE, 0)
        assert stage.agent.metric('netvsc_announce_seconds_count{stage="taken"}') == 2

    on_stage(story)


def test_a_sidecar_that_was_killed_is_told_again_what_its_container_was_given() -> None:
    async def story(stage: Stage) -> None:
        sidecar = stage.sidecar(1)
        await told(sidecar)
        for _ in range(3):
            sidecar.kill()
            sidecar = stage.sidecar(1)
            await told(sidecar)
            status = stage.volumes[0].status()
            assert (status["given"], status["verbsState"]) == ("uverbs0", "OK")

    on_stage(story)


def test_uverbs_that_return_permuted_are_withheld_and_shown_and_offered_when_healed() -> None:
    async def story(stage: Stage) -> None:
        sidecars = [stage.sidecar(1), stage.sidecar(2)]
        for sidecar in sidecars:
            await told(sidecar)
        with stage.pipe(1) as one, stage.pipe(2) as two:
            await read_line(one, 1)
            await read_line(two, 2)
            stage.revoke(1, 2)
            stage.bring(2, verbs=0)
            stage.bring(1, verbs=1)
            await stage.mismatch(ONE, 1)
            await stage.mismatch(TWO, 1)
            line = await stage.agent.said("(now of")  # of one alone it cannot be said yet
            assert "verbs devices do not match" in line["message"]
            for here in stage.volumes:
                await stage.node.until(
                    lambda here=here: here.status()["reason"] == "VerbsMismatch", "withheld"
                )
                assert here.status()["line"] is None
            stage.revoke(1, 2)
            stage.bring(1, verbs=0)
            stage.bring(2, verbs=1)
            await read_line(one, 1)
            await read_line(two, 2)
            await stage.mismatch(ONE, 0)
            await stage.mismatch(TWO, 0)

    on_stage(story)


def test_an_agent_that_was_away_tells_the_sidecars_that_came_meanwhile() -> None:
    async def story(stage: Stage) -> None:
        await asyncio.to_thread(stage.agent.stop)
        sidecar = stage.sidecar(2)
        with stage.pipe(2) as reader:
            await read_line(reader, 2)
            assert stage.volumes[1].status()["verbsState"] == "VerbsUnknown"
            async with agent(stage.node) as again:
                await told(sidecar)
                assert stage.volumes[1].status()["verbsState"] == "OK"
                assert again.metric('netvsc_announcements_total{result="taken"}') == 0

    on_stage(story)
