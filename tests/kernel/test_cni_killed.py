"""The real agent is killed for real, at any moment of an ADD or a DEL, and the kubelet goes on.

As containerd does (2.4, RunPodSandbox): an ADD that failed is followed by one DEL, whatever comes
of it, and by another ADD; any other DEL that failed by another one.
"""

import asyncio
import os
import random
import secrets
import signal
from collections.abc import Coroutine

from sim.cni.calls import Pod, id_of
from sim.cni.node import PAIR, Node, on_azure

ROUNDS = 50 if os.environ.get("NETVSC_SOAK") == "1" else 3
SEED = int(os.environ.get("NETVSC_SEED") or secrets.randbelow(10**9))
LONGEST_S = 0.15  # a move takes 20 to 40 ms; there are two, and what is around them


async def survived(node: Node, pause: float, work: Coroutine[None, None, None]) -> None:
    """Begin the work with one agent, end it with another: the first is killed after a pause."""
    async with node.agent() as agent:
        await node.kubelet.registered(PAIR, since=agent.started)
        task = asyncio.create_task(work)
        await asyncio.sleep(pause)  # any moment is a good one: there is no event to wait for
        await asyncio.to_thread(agent.stop, signal.SIGKILL)
    async with node.agent():
        await task


async def added(node: Node, pod: Pod) -> None:
    """Call ADD until it succeeds; then the pair is in the pod, or comes late."""
    while (await node.call("ADD", pod)).code:
        await node.call("DEL", pod)
        netvsc, vf = node.cni.places(1, pod)
        assert not {pod.netns} & {place.netns for place in (netvsc, vf) if place}, "it would die"
    await node.until(lambda: node.cni.inside(1, pod), "the pair is inside")


async def deleted(node: Node, pod: Pod) -> None:
    while (await node.call("DEL", pod)).code:
        pass
    assert node.cni.on_host(1, pod)


def test_whenever_the_agent_is_killed_the_pod_gets_its_pair_and_gives_it_back() -> None:
    print(f"NETVSC_SEED={SEED}")
    chance = random.Random(SEED)

    async def story(node: Node) -> None:
        pod = node.cni.pod()
        node.kubelet.pods["nf", pod.container, "fwd"] = {PAIR: [id_of(1)]}
        for _ in range(ROUNDS):
            await survived(node, chance.random() * LONGEST_S, added(node, pod))
            await survived(node, chance.random() * LONGEST_S, deleted(node, pod))

    on_azure(story)
