"""The real agent on a live host, with a kubelet: what an administrator counts on."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sim.agent import AgentFolder, AgentProcess
from sim.kernel.host import Host
from sim.kubelet.kubelet import Kubelet

PAIR = "netvsc.io/pair"
ETH1, ETH2 = "00-0d-3a-c0-00-11", "00-0d-3a-c0-00-12"
FLAPS = 900


@dataclass
class Node:
    host: Host
    folder: Path
    kubelet: Kubelet

    def agent(self, *options: str) -> AgentProcess:
        return AgentProcess(self.host, self.folder, *options)


@asynccontextmanager
async def azure() -> AsyncIterator[Node]:
    """A three-NIC host with its kubelet: eth0 is the uplink, eth1 and eth2 are pairs."""
    with AgentFolder() as folder, Host.from_fixture("f02") as host:
        async with Kubelet(folder) as kubelet:
            yield Node(host=host, folder=folder, kubelet=kubelet)


def on_azure(story: Callable[[Node], Coroutine[None, None, None]]) -> None:
    async def play() -> None:
        async with azure() as node:
            await story(node)

    asyncio.run(play())


async def has_both_pairs(node: Node) -> None:
    devices = await node.kubelet.devices(PAIR, until=lambda found: len(found) == 2)
    assert sorted(devices) == [ETH1, ETH2]


def test_a_started_agent_is_registered_ready_and_offers_the_pairs_of_the_node() -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await has_both_pairs(node)
            devices = await node.kubelet.devices(PAIR)
            assert devices[ETH1].health == "Healthy"
            assert [numa.ID for numa in devices[ETH1].topology.nodes] == [0]
            await agent.until(lambda a: a.get("/readyz")[0] == 200, "ready")
            assert agent.get("/healthz") == (200, "ok\n")
            assert agent.metric('netvsc_pool_pairs{pool="pair",state="free"}') == 2
            assert agent.metric(f'netvsc_pair_path{{pair="{ETH1}",path="VF"}}') == 1
            assert agent.metric('netvsc_kubelet_registrations_total{result="accepted"}') == 1

    on_azure(story)


def test_the_kubelet_never_hears_an_empty_list_before_the_first_scan() -> None:
    async def story(node: Node) -> None:
        async with node.agent():
            await has_both_pairs(node)
            assert len(node.kubelet.messages(PAIR)) == 1

    on_azure(story)


def test_an_allocated_pair_comes_with_its_facts_and_is_known_to_be_held() -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await has_both_pairs(node)
            answer = await node.kubelet.allocate(PAIR, ETH1)
            node.kubelet.admit("fwd-0", PAIR, ETH1)
            (pair,) = json.loads(answer.envs["NETVSC_PAIRS"])
            assert (pair["id"], pair["pci"], pair["driver"]) == (ETH1, "9b33:00:02.0", "mlx5_core")
            assert answer.envs["PCIDEVICE_NETVSC_IO_PAIR"]
            held = (
                f'netvsc_pair_allocation_info{{container="main",namespace="default",pair="{ETH1}"'
            )
            await agent.until(lambda a: held in a.get("/metrics")[1], "held")
            assert agent.metric('netvsc_pool_pairs{pool="pair",state="allocated"}') == 1

    on_azure(story)


def test_a_pair_in_use_stays_offered_when_the_default_route_comes_to_it() -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await has_both_pairs(node)
            await node.kubelet.allocate(PAIR, ETH1)
            node.kubelet.admit("fwd-0", PAIR, ETH1)
            allocated = 'netvsc_pool_pairs{pool="pair",state="allocated"}'
            await agent.until(lambda a: a.metric(allocated) == 1, "held")
            for name in ("eth1", "eth2"):
                node.host.ip.add_default_route(node.host.ip.index(name), family=6)
            devices = await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
            assert sorted(devices) == [ETH1]

    on_azure(story)


def test_a_revocation_and_a_return_say_nothing_to_the_kubelet_and_are_counted() -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await has_both_pairs(node)
            node.host.revoke("eth1")
            synthetic = f'netvsc_pair_path{{pair="{ETH1}",path="Synthetic"}}'
            await agent.until(lambda a: a.metric(synthetic) == 1, "on the synthetic path")
            node.host.give("eth1", pci="9b33:00:03.0", transient="eth7")
            await agent.until(lambda a: a.metric(synthetic) == 0, "back on the VF")
            assert agent.metric(f'netvsc_vf_revocations_total{{pair="{ETH1}"}}') == 1
            assert agent.metric(f'netvsc_vf_returns_total{{pair="{ETH1}"}}') == 1
            assert agent.metric("netvsc_vf_outage_seconds_count") == 1
            assert len(node.kubelet.messages(PAIR)) == 1

    on_azure(story)


def test_nine_hundred_flaps_in_a_row_cost_no_message_and_lose_no_count(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await has_both_pairs(node)
            before, began = agent.cpu(), time.monotonic()
            await asyncio.to_thread(flap, node.host)
            revoked = f'netvsc_vf_revocations_total{{pair="{ETH1}"}}'
            await agent.until(lambda a: a.metric(revoked) == FLAPS, f"{FLAPS} revocations")
            returned = f'netvsc_vf_returns_total{{pair="{ETH1}"}}'
            await agent.until(lambda a: a.metric(returned) == FLAPS, f"{FLAPS} returns")
            await agent.until(
                lambda a: a.metric(f'netvsc_pair_path{{pair="{ETH1}",path="VF"}}') == 1, ""
            )
            assert len(node.kubelet.messages(PAIR)) == 1
            used, lasted = agent.cpu() - before, time.monotonic() - began
            with capsys.disabled():
                print(f"\n{FLAPS} flaps in {lasted:.1f} s: {used:.2f} s of CPU in the agent")
            assert used < lasted, "the agent used more than one core"

    on_azure(story)


def flap(host: Host) -> None:
    """Flap 900 times, as fixture f12 does in an hour, as fast as the kernel deletes a netdev."""
    for _ in range(FLAPS):
        host.revoke("eth1")
        host.give("eth1")


def test_an_agent_killed_and_started_again_offers_the_same_and_knows_who_holds_what() -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await has_both_pairs(node)
            await node.kubelet.allocate(PAIR, ETH1)
            node.kubelet.admit("fwd-0", PAIR, ETH1)
            await asyncio.to_thread(agent.stop, signal.SIGKILL)
        await node.kubelet.gone(PAIR)
        again = time.monotonic()
        async with node.agent() as agent:
            await node.kubelet.registered(PAIR, since=again)
            await has_both_pairs(node)
            allocated = 'netvsc_pool_pairs{pool="pair",state="allocated"}'
            await agent.until(lambda a: a.metric(allocated) == 1, "held")

    on_azure(story)


def test_an_agent_that_starts_while_a_held_pair_is_an_uplink_offers_it_from_the_first_message() -> (
    None
):
    async def story(node: Node) -> None:
        node.kubelet.admit("fwd-0", PAIR, ETH1)
        node.host.ip.add_default_route(node.host.ip.index("eth1"), family=6)
        async with node.agent():
            await has_both_pairs(node)
            assert len(node.kubelet.messages(PAIR)) == 1

    on_azure(story)


def test_an_agent_that_is_told_to_end_leaves_no_socket() -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await has_both_pairs(node)
            assert await asyncio.to_thread(agent.stop) == 0
        left = [path.name for path in (node.folder / "device-plugins").iterdir()]
        assert left == ["kubelet.sock"]

    on_azure(story)


def test_a_bad_new_pool_file_changes_nothing_and_a_good_one_is_applied(tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text("pools: [{name: pair}]\n")

    async def story(node: Node) -> None:
        async with node.agent("--config", str(file)) as agent:
            await has_both_pairs(node)
            file.write_text("pools:\n- name: pair\n  selektor: {}\n")
            line = await agent.said("unknown key")
            assert f"{file}:3: pools[0].selektor" in line["message"]
            assert len(await node.kubelet.devices(PAIR)) == 2
            file.write_text("pools: [{name: nf, selector: {interfaces: [eth2]}}]\n")
            devices = await node.kubelet.devices("netvsc.io/nf", until=lambda f: len(f) == 1)
            assert list(devices) == [ETH2]
            await node.kubelet.gone(PAIR)

    on_azure(story)


def test_a_wrong_pool_file_at_the_start_ends_the_agent_with_a_message(tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text("pools: []\n")

    async def story(node: Node) -> None:
        agent = node.agent("--config", str(file))
        line = await agent.said("at least one pool")
        assert line["message"].startswith(f"{file}:1: pools: ")
        assert await asyncio.to_thread(agent.join) == 1

    on_azure(story)
