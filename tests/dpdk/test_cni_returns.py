"""A pair that came by CNI: its VF returns at home, and the pod forwards over it again."""

import asyncio
import time

from dpdk.moved import DRIVER, MovedPod
from dpdk.pod import Pod
from dpdk.storm import rounds
from dpdk.testpmd import PLUGGED, STARTED, Testpmd
from sim.cni.calls import Pod as Sandbox
from sim.cni.node import PAIR, Node, on_azure


def forwards(pod: Pod, netdev: str, *, within: float) -> bool:
    with pod.wire(netdev) as wire:
        return wire.echoes(within=within)


def play(node: Node, sandbox: Sandbox, wanted: int) -> None:
    with MovedPod(node.cni, sandbox) as pod:
        pod.announce()
        with pod.testpmd() as pmd:
            pmd.ready().forward()
            pmd.wait(STARTED, pmd.wait(PLUGGED).end())
            assert forwards(pod, "vf1", within=5)
            for _ in range(wanted):
                once(pod, pmd)
            (state,) = pod.states()
            assert state["failedPlugs"] == 0
            assert pmd.quit() == 0


def once(pod: MovedPod, pmd: Testpmd) -> None:
    pod.lose(pmd)
    assert forwards(pod, "netvsc0", within=5)
    began = time.monotonic()
    back = pod.come_back(pmd)
    assert forwards(pod, "vf1", within=1)
    assert time.monotonic() - began < 1.0, back
    assert back.moved < back.started


def test_each_vf_that_returns_at_home_forwards_in_its_pod_within_a_second() -> None:
    """Moved, announced, taken: by the agent, the sidecar and the application, each on its own."""

    async def story(node: Node) -> None:
        async with node.agent():
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
            sandbox = node.cni.pod()
            await node.holds(sandbox, 1)
            assert (await node.call("ADD", sandbox)).code == 0
            await asyncio.to_thread(play, node, sandbox, rounds(10, 50))
            assert (await node.call("DEL", sandbox)).code == 0
            assert node.cni.on_host(1, sandbox)

    on_azure(story, driver=DRIVER)
