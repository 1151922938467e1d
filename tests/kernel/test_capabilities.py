"""The agent with the capabilities that the chart gives it, and without each of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sim.agent import PATIENCE, AgentProcess
from sim.capabilities import limited, mask, of_the_chart
from sim.cni.calls import Pod
from sim.cni.node import PAIR, Node, in_pod, on_azure, on_path
from sim.cni.server import Said


async def add(node: Node) -> tuple[Pod, Said]:
    await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
    pod = node.cni.pod()
    await node.holds(pod, 1)
    return pod, await node.call("ADD", pod)


def test_with_the_charts_capabilities_a_pair_goes_in_is_followed_and_comes_home() -> None:
    async def story(node: Node) -> None:
        async with node.agent(within=limited(of_the_chart())) as agent:
            pod, added = await add(node)
            assert added.code == 0, added
            assert node.cni.inside(1, pod)
            await on_path(agent, "VF")
            node.cni.revoke_in(1, pod)
            await on_path(agent, "Synthetic")
            node.cni.return_home(1)
            await node.until(lambda: in_pod(node.cni, pod), "the VF is in the pod again")
            await on_path(agent, "VF")
            assert (await node.call("DEL", pod)).code == 0
            assert node.cni.on_host(1, pod)
            assert _may(agent) == mask(of_the_chart())

    on_azure(story)


def _may(agent: AgentProcess) -> int:
    status = Path(f"/proc/{agent.process.pid}/status").read_text()
    told = dict(line.split(":\t", 1) for line in status.splitlines())
    assert told["NoNewPrivs"] == "1"
    assert told["CapBnd"] == told["CapEff"] == told["CapPrm"]
    return int(told["CapEff"], 16)


def test_the_chart_adds_what_is_taken_away_below_and_nothing_more() -> None:
    assert set(of_the_chart()) == {"SYS_ADMIN", "NET_ADMIN"}


def test_without_sys_admin_the_agent_ends_and_says_that_it_cannot_enter_a_network() -> None:
    async def story(node: Node) -> None:
        agent = node.agent(within=limited(_all_but("SYS_ADMIN")))
        try:
            said = await agent.said("cannot enter")
            code = await asyncio.to_thread(agent.process.wait, PATIENCE)
        finally:
            agent.stop()
        assert "SYS_ADMIN is needed" in said["message"]
        assert code == 1

    on_azure(story)


def test_without_net_admin_no_pair_goes_in_and_the_answer_says_what_was_refused() -> None:
    async def story(node: Node) -> None:
        async with node.agent(within=limited(_all_but("NET_ADMIN"))):
            pod, added = await add(node)
            assert added.error == 5
            assert "Operation not permitted" in added.body["msg"]
            assert node.cni.on_host(1, pod)

    on_azure(story)


def _all_but(missing: str) -> list[str]:
    return [name for name in of_the_chart() if name != missing]


def test_without_any_the_node_is_still_seen_and_its_pairs_offered() -> None:
    """With `cni.mode: off` the chart's two could be left out altogether."""

    async def story(node: Node) -> None:
        async with node.agent("off", within=limited(())) as agent:
            assert len(await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)) == 1
            await on_path(agent, "VF")
            node.cni.host.revoke("eth1")
            await on_path(agent, "Synthetic")
            assert _may(agent) == 0

    on_azure(story)
