"""The real agent with a NetvscNode in a simulated apiserver: what it takes, what it says."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sim.agent import AgentFolder, AgentProcess
from sim.cluster import netvscnode
from sim.cluster.netvscnode import SimNode
from sim.kernel.host import Host
from sim.kubelet.kubelet import Kubelet

PAIR = "netvsc.io/pair"
ETH1, ETH2 = "00-0d-3a-c0-00-11", "00-0d-3a-c0-00-12"


@dataclass
class Stage:
    host: Host
    folder: Path
    kubelet: Kubelet
    node: SimNode

    def agent(self) -> AgentProcess:
        return AgentProcess(self.host, self.folder, *self.node.options)

    async def offered(self, *ids: str) -> None:
        await self.kubelet.devices(PAIR, until=lambda found: sorted(found) == sorted(ids))


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    with AgentFolder() as folder, Host.from_fixture("f02") as host:
        async with Kubelet(folder) as kubelet, netvscnode.serving(host, folder) as node:
            yield Stage(host, folder, kubelet, node)


def on_stage(story: Callable[[Stage], Coroutine[None, None, None]]) -> None:
    async def play() -> None:
        async with stage() as made:
            await story(made)

    asyncio.run(play())


def test_the_pools_of_the_spec_are_offered_and_the_status_tells_of_the_pairs() -> None:
    async def story(stage: Stage) -> None:
        async with stage.agent() as agent:
            await stage.offered(ETH1, ETH2)
            assert len(stage.kubelet.messages(PAIR)) == 1  # never an empty list
            status = await stage.node.told('"Registered"')
            assert [pair["id"] for pair in status["pairs"]] == [ETH1, ETH2]
            assert (status["summary"]["onVf"], status["observedGeneration"]) == (2, 1)
            stage.host.revoke("eth1")
            status = await stage.node.told('"lastRevoked"')
            assert status["summary"]["revoked24h"] == 1
            assert agent.get("/readyz") == (200, "ok\n")

    on_stage(story)


def test_a_foreign_nic_goes_and_a_bad_pool_is_refused_and_changes_nothing() -> None:
    async def story(stage: Stage) -> None:
        async with stage.agent() as agent:
            await stage.offered(ETH1, ETH2)
            claim = {"interface": "eth2", "owner": "dra.net", "state": "listed"}
            stage.node.ask(2, pools=[{"name": "pair"}], foreign=[claim])
            await stage.offered(ETH1)
            status = await stage.node.told('"ForeignListed"')
            assert status["observedGeneration"] == 2
            stage.node.ask(3, pools=[{"name": "pair", "priority": "high"}])
            await agent.said("spec.pools[0].priority")
            status = await stage.node.told('"Refused"')
            assert [pool["name"] for pool in status["pools"]] == ["pair"]
            await stage.offered(ETH1, ETH2)

    on_stage(story)


def test_a_lost_vf_keeps_its_numa_node_and_its_count_when_the_agent_was_killed() -> None:
    async def story(stage: Stage) -> None:
        async with stage.agent() as agent:
            await stage.node.told('"Registered"')
            stage.host.revoke("eth1")
            await stage.node.told('"lastRevoked"')
            agent.stop(signal.SIGKILL)
        stage.node.server.bodies.clear()
        async with stage.agent():
            status = await stage.node.told('"Registered"')
            pair = status["pairs"][0]
            assert (pair["vfSeen"], pair["numaNode"], pair["revocations"]) == ("lost", 0, 1)
            assert pair["lastVf"]["pci"] == "9b33:00:02.0"
            stage.host.give("eth1", pci="9b33:00:03.0")
            status = await stage.node.told('"lastReturned"')
            assert status["pairs"][0]["returns"] == 1

    on_stage(story)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--node", "n1", "--config", "x"], 2, "pools come from the NetvscNode or from a file"),
        (["--kubeconfig", "x"], 2, "--kubeconfig without --node: name the NetvscNode"),
        (["--node", "n1", "--kubeconfig", "/nowhere"], 1, "/nowhere"),
        (["--node", "n1"], 1, "run in a pod, set KUBECONFIG, or give --kubeconfig"),
    ],
)
def test_what_cannot_work_is_said_at_once(options: list[str], code: int, words: str) -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith(("KUBE", "NODE"))}
    command = [sys.executable, "-m", "netvsc_deviceplugin", *options]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=bare, timeout=20
    )
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
