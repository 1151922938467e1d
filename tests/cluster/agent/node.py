"""The real agent on a simulated host, with a kubelet and a real apiserver behind a door."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from sim.agent import AgentFolder, AgentProcess
from sim.cluster.proxy import Door
from sim.kernel.host import Host
from sim.kubelet.kubelet import Kubelet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    from cluster.harness import Cluster

PAIR = "netvsc.io/pair"
ETH1, ETH2 = "00-0d-3a-c0-00-11", "00-0d-3a-c0-00-12"
POOL = {"name": "pair", "resource": PAIR}
PATIENCE = 15.0  # seconds

Status = dict[str, Any]


def install_crd(cluster: Cluster) -> None:
    text = (resources.files("netvsc_operator") / "crds/netvscnodes.yaml").read_text()
    cluster.apply(yaml.safe_load(text))
    cluster.kubectl("wait", "--for=condition=Established", "crd/netvscnodes.netvsc.io")


@dataclass
class Told:
    """One NetvscNode, as the controller writes and reads it."""

    cluster: Cluster
    name: str

    async def ask(self, **spec: object) -> None:
        """Write the spec, as the controller does; `pools` is one that takes all unless given."""
        whole = {
            "apiVersion": "netvsc.io/v1alpha1",
            "kind": "NetvscNode",
            "metadata": {"name": self.name},
            "spec": {"pools": [POOL], **spec},
        }
        await asyncio.to_thread(self.cluster.apply, whole)

    async def read(self) -> dict[str, Any]:
        return await asyncio.to_thread(self.cluster.get, f"netvscnode/{self.name}")

    async def status(self, holds: Callable[[Status], object], what: str) -> Status:
        """Read the status until `holds`: kubectl is a reader that must ask."""
        deadline = time.monotonic() + PATIENCE
        while True:
            status: Status = (await self.read()).get("status", {})
            if status and holds(status):
                return status
            said = f"not within {PATIENCE:g} s: {what}; it is {json.dumps(status, indent=1)}"
            assert time.monotonic() < deadline, said

    async def writes(self) -> int:
        """Return how often any status of a NetvscNode was written."""
        page = await asyncio.to_thread(self.cluster.kubectl, "get", "--raw", "/metrics")
        mine = ('resource="netvscnodes"', 'subresource="status"', 'verb="PATCH"')
        lines = [line for line in page.splitlines() if line.startswith("apiserver_request_total")]
        return sum(int(line.split()[-1]) for line in lines if all(word in line for word in mine))


@dataclass
class Node(Told):
    """A host and its agent; what the agent reaches of the machine is `door`."""

    host: Host
    folder: Path
    kubelet: Kubelet
    door: Door

    def agent(self, *options: str) -> AgentProcess:
        way = options_of(self, self.folder, self.door)
        return AgentProcess(self.host, self.folder, *way, *options)

    async def devices(self, number: int) -> None:
        await self.kubelet.devices(PAIR, until=lambda found: len(found) == number)


def options_of(told: Told, folder: Path, door: Door) -> list[str]:
    """Return the agent's options for its NetvscNode, which it reaches by the door."""
    file = folder / "kubeconfig"
    data = json.loads(told.cluster.layout.kubeconfig.read_text())
    data["clusters"][0]["cluster"]["server"] = door.url
    file.write_text(json.dumps(data))
    return ["--node", told.name, "--kubeconfig", str(file), "--imds", "off"]


def door_of(cluster: Cluster, netns: str) -> Door:
    data = json.loads(cluster.layout.kubeconfig.read_text())
    host, port = data["clusters"][0]["cluster"]["server"].removeprefix("https://").rsplit(":", 1)
    return Door(netns, host, int(port))


def new_name() -> str:
    return f"n-{secrets.token_hex(3)}"


def pair(status: Status, id_: str = ETH1) -> Status:
    found: Status = next((one for one in status.get("pairs", ()) if one["id"] == id_), {})
    return found


def condition(status: Status, kind: str) -> Status:
    found: Status = next((one for one in status["conditions"] if one["type"] == kind), {})
    return found


@asynccontextmanager
async def node(cluster: Cluster) -> AsyncIterator[Node]:
    with AgentFolder() as folder, Host.from_fixture("f02") as machine:
        async with Kubelet(folder) as kubelet, door_of(cluster, machine.netns) as door:
            yield Node(cluster, new_name(), machine, folder, kubelet, door)


def on_a_node(cluster: Cluster, story: Callable[[Node], Coroutine[None, None, None]]) -> None:
    async def play() -> None:
        async with node(cluster) as made:
            await story(made)

    asyncio.run(play())
