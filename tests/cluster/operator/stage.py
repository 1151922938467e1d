"""A Node, its agent and its pod at a real apiserver, and what people see of them with kubectl."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from cluster.harness import Cluster
from netvsc_operator.kube import NETVSC_NODES, NODES, PODS, Kube, NotFound, config_loader
from sim.cluster.nodes import SimAgent, held, pair

Object = dict[str, Any]
PATIENCE_S = 20.0
CRDS = ("netvscnodes", "netvscpools")


def install(made: Cluster) -> None:
    for name in CRDS:
        text = (files("netvsc_operator") / "crds" / f"{name}.yaml").read_text()
        made.kubectl("apply", "--server-side", "-f", "-", stdin=text)
        made.kubectl("wait", "--for=condition=Established", f"crd/{name}.netvsc.io")


@dataclass(slots=True)
class Site:
    """One test's node and pod, named after it, and what people see of them with kubectl."""

    cluster: Cluster
    kube: Kube
    name: str
    agent: SimAgent

    @property
    def pod(self) -> str:
        return f"{self.name}-pod"

    async def events(self, kind: str = "Pod") -> list[str]:
        """Reasons of Events as kubectl shows them, the oldest first."""
        found = await self.get("events", "--sort-by=.metadata.creationTimestamp")
        name = self.pod if kind == "Pod" else self.name
        about = {"kind": kind, "name": name}
        return [
            one["reason"]
            for one in found["items"]
            if about.items() <= one["involvedObject"].items()
            and one.get("reportingComponent") == "netvsc.io/controller"
        ]

    async def note(self, reason: str) -> str:
        found = await self.get("events", f"--field-selector=reason={reason}")
        notes = (
            one["message"] for one in found["items"] if one["involvedObject"]["name"] == self.pod
        )
        return str(next(notes))

    async def condition(self) -> Object:
        pod = await self.get("pod", self.pod)
        for one in pod["status"].get("conditions") or []:
            if one["type"] == "netvsc.io/Accelerated":
                return dict(one)
        return {}

    async def get(self, *what: str) -> Object:
        return await asyncio.to_thread(self.cluster.get, *what)

    async def becomes(self, status: str, *, within_s: float = PATIENCE_S) -> None:
        async def it_is() -> bool:
            pod = await self.kube.get(PODS, self.pod, namespace="default")
            told = pod["status"].get("conditions") or []
            ours = (one for one in told if one["type"] == "netvsc.io/Accelerated")
            return any(one["status"] == status for one in ours)

        await eventually(it_is, within_s=within_s)

    async def told(self, reason: str, *, times: int = 1, within_s: float = PATIENCE_S) -> None:
        async def it_was() -> bool:
            return (await self.events()).count(reason) >= times

        await eventually(it_was, within_s=within_s)

    async def spec(self) -> Object:
        there = await self.kube.get(NETVSC_NODES, self.name)
        return dict(there["spec"])


async def eventually(check: Callable[[], Awaitable[bool]], *, within_s: float = PATIENCE_S) -> None:
    """Look until it is so: what is looked at is as people see it, by kubectl or a read."""
    async with asyncio.timeout(within_s):
        while not await check():  # noqa: ASYNC110 (nothing tells)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def site(cluster: Cluster, name: str) -> AsyncIterator[Site]:
    """A Node that the pool selects and a pod on it with a sidecar; gone afterwards."""
    async with Kube(config_loader(cluster.layout.kubeconfig)) as kube:
        labels = {"nfv": "yes"}
        await kube.create(
            NODES,
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}},
        )
        await kube.create(PODS, pod_body(name), namespace="default")
        try:
            yield Site(cluster, kube, name, SimAgent(kube, name))
        finally:
            await kube.delete(NODES, name)
            with suppress(NotFound):
                await kube.delete(NETVSC_NODES, name)  # no garbage collector runs here


def pod_body(node: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{node}-pod", "labels": {"netvsc.io/injected": "v1"}},
        "spec": {
            "nodeName": node,
            "tolerations": [{"operator": "Exists"}],
            "readinessGates": [{"conditionType": "netvsc.io/Accelerated"}],
            "initContainers": [
                {"name": "netvsc-fdpipe", "image": "none", "restartPolicy": "Always"}
            ],
            "containers": [{"name": "fwd", "image": "none"}],
        },
    }


async def made(here: Site) -> None:
    """Wait for the NetvscNode, then let the agent report a pair that the pod holds."""

    async def it_is_there() -> bool:
        try:
            return bool(await here.kube.get(NETVSC_NODES, here.name))
        except NotFound:
            return False

    await eventually(it_is_there)
    await here.agent.write(held(pair(1), pod=here.pod))
    await here.becomes("True")
