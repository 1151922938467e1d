"""The real agent with its CNI side: pairs are followed into pods, and back from there."""

import asyncio
import json
import signal
from typing import Any

from sim.cni.calls import Place
from sim.cni.conflists import AZURE_OVERLAY, text_of
from sim.cni.node import ETH1, PAIR, Node, in_pod, on_azure, on_path


def test_a_pod_gets_its_pair_by_the_kubelets_word_and_gives_it_back() -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
            pod = node.cni.pod()
            await node.holds(pod, 1)
            added = await node.call("ADD", pod)
            assert [one["name"] for one in added.body["interfaces"]] == ["eth0", "netvsc0", "vf1"]
            assert node.cni.inside(1, pod)
            await on_path(agent, "VF")
            assert (await node.call("DEL", pod)).code == 0
            assert node.cni.on_host(1, pod)
            assert agent.metric('netvsc_cni_requests_total{result="done",verb="ADD"}') == 1
            assert agent.metric(f'netvsc_vf_revocations_total{{pair="{ETH1}"}}') == 0
            assert len(node.kubelet.messages(PAIR)) == 1  # the scheduler saw nothing of it

    on_azure(story)


def test_a_vf_that_goes_in_a_pod_is_counted_and_one_that_returns_at_home_is_moved_at_once() -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
            pod = node.cni.pod()
            await node.holds(pod, 1)
            await node.call("ADD", pod)
            for name in ("vf1", "eth1", "rename3"):
                await on_path(agent, "VF")
                node.cni.revoke_in(1, pod)
                await on_path(agent, "Synthetic")
                node.cni.return_home(1, name=name)
                took = await node.until(lambda: in_pod(node.cni, pod), f"{name} is in the pod")
                assert took < 1.0
                assert node.cni.places(1, pod)[1] == Place(pod.netns, name, up=True)
            await on_path(agent, "VF")
            assert agent.metric(f'netvsc_vf_revocations_total{{pair="{ETH1}"}}') == 3
            assert agent.metric(f'netvsc_vf_returns_total{{pair="{ETH1}"}}') == 3
            assert (await node.call("DEL", pod)).code == 0
            assert node.cni.places(1, pod)[0] == Place(None, "eth1", up=True)

    on_azure(story)


def test_an_agent_that_is_killed_finds_its_pairs_in_their_pods_and_moves_what_came_home() -> None:
    async def story(node: Node) -> None:
        pod = node.cni.pod()
        async with node.agent() as agent:
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
            await node.holds(pod, 1)
            await node.call("ADD", pod)
            await asyncio.to_thread(agent.stop, signal.SIGKILL)
        assert (await node.call("DEL", pod)).error == 11
        node.cni.revoke_in(1, pod)
        node.cni.return_home(1)
        async with node.agent() as agent:
            await node.until(lambda: in_pod(node.cni, pod), "the VF follows")
            await on_path(agent, "VF")
            devices = await node.kubelet.devices(PAIR)
            assert list(devices) == [ETH1]
            assert (await node.call("DEL", pod)).code == 0
            assert node.cni.on_host(1, pod)

    on_azure(story)


def test_a_netns_that_ends_without_a_del_gives_its_pair_back() -> None:
    async def story(node: Node) -> None:
        async with node.agent():
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
            pod = node.cni.pod()
            await node.holds(pod, 1)
            await node.call("ADD", pod)
            await asyncio.to_thread(pod.end)
            await node.until(lambda: node.cni.on_host(1), "the pair is at home")
            assert (await node.call("DEL", pod)).code == 0

    on_azure(story)


def test_two_pods_come_and_go_at_once() -> None:
    async def story(node: Node) -> None:
        async with node.agent():
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 2)
            pods = [node.cni.pod(), node.cni.pod()]
            for number, pod in enumerate(pods, start=1):
                await node.holds(pod, number)
            said = await asyncio.gather(*(node.call("ADD", pod) for pod in pods))
            assert [one.code for one in said] == [0, 0]
            assert [node.cni.inside(n, pod) for n, pod in enumerate(pods, start=1)] == [True, True]
            await asyncio.gather(*(node.call("DEL", pod) for pod in pods))
            assert node.cni.on_host(1, *pods)
            assert node.cni.on_host(2, *pods)

    on_azure(story, pairs=2)


def test_a_del_that_comes_before_its_add_has_ended_leaves_the_pair_at_home() -> None:
    async def story(node: Node) -> None:
        async with node.agent():
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
            pod = node.cni.pod()
            await node.holds(pod, 1)
            add = asyncio.create_task(node.call("ADD", pod))
            checkpoint = node.folder / "state" / "containers" / pod.container
            await node.until(checkpoint.exists, "ADD has begun")
            assert (await node.call("DEL", pod)).code == 0
            await add
            assert node.cni.on_host(1, pod)

    on_azure(story)


def test_the_runtime_is_answered_and_the_chain_stands_before_the_kubelet_hears_of_us() -> None:
    async def story(node: Node) -> None:
        async with node.agent():
            await node.kubelet.registered(PAIR)
            assert (node.folder / "state" / "cni.sock").exists()
            listed: Any = json.loads((node.folder / "conf" / "10-azure.conflist").read_bytes())
            ours = listed["plugins"][-1]
            assert ours["type"] == "netvsc-cni"
            assert ours["state"] == str(node.folder / "state")
            assert (node.folder / "bin" / "netvsc-cni").exists()

    on_azure(story)


def test_with_multus_the_program_is_installed_and_the_list_is_not_touched() -> None:
    async def story(node: Node) -> None:
        async with node.agent("served"):
            await node.kubelet.registered(PAIR)
            text = (node.folder / "conf" / "10-azure.conflist").read_bytes()
            assert text == text_of(AZURE_OVERLAY)
            assert (node.folder / "bin" / "netvsc-cni").exists()

    on_azure(story)


def test_an_agent_that_is_off_takes_out_what_it_put_in_as_chained() -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await agent.said("chained netvsc-cni into")
        async with node.agent("off") as agent:
            await agent.said("removed ")
            assert json.loads(conflist_of(node)) == AZURE_OVERLAY
            assert list((node.folder / "bin").iterdir()) == []
        log = "\n".join(line["message"] for line in agent.log)
        assert "took netvsc-cni out of" in log
        assert "--cni=off after another mode" in log

    on_azure(story)


def test_an_agent_that_is_off_serves_the_last_pod_that_has_a_pair_before_it_leaves() -> None:
    async def story(node: Node) -> None:
        pod = node.cni.pod()
        async with node.agent():
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
            await node.holds(pod, 1)
            assert (await node.call("ADD", pod)).code == 0
        async with node.agent("off") as agent:
            assert f"nf/{pod.container}" in (await agent.said("have pairs"))["message"]
            assert "netvsc-cni" in conflist_of(node)  # its DEL must come
            assert (await node.call("DEL", pod)).code == 0
            assert node.cni.on_host(1, pod)
            await agent.said("removed ")
            assert json.loads(conflist_of(node)) == AZURE_OVERLAY

    on_azure(story)


def test_an_agent_that_was_never_in_the_chain_leaves_the_folders_alone() -> None:
    async def story(node: Node) -> None:
        file = node.folder / "conf/10-azure.conflist"
        before = (file.stat().st_ino, file.stat().st_mtime_ns)
        async with node.agent("off") as agent:
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
        assert (file.stat().st_ino, file.stat().st_mtime_ns) == before
        assert not (node.folder / "state/cni.sock").exists()
        assert not any("--cni=off" in line["message"] for line in agent.log)

    on_azure(story)


def conflist_of(node: Node) -> str:
    return (node.folder / "conf/10-azure.conflist").read_text()
