"""Many simulated nodes, agents and pods at a real apiserver, and how soon people are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from netvsc_operator.kube import (
    EVENTS,
    NETVSC_NODES,
    NETVSC_POOLS,
    NODES,
    PODS,
    Applied,
    Kind,
    Kube,
    Listed,
    Watch,
)
from netvsc_operator.objects import Scope
from sim.cluster.nodes import SimAgent, held, pair, returned, revoked, taken

PAIRS = 3
_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """`changing` nodes lose and regain a VF within `within_s`; pods hold one pair each."""

    nodes: int
    changing: int
    pods: int
    within_s: float


@dataclass(slots=True)
class Heard:
    """When each thing was first seen by a watch: (node or pod, reason) to seconds."""

    at: dict[tuple[str, str], float] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, who: str, what: str) -> None:
        self.at.setdefault((who, what), time.monotonic())
        self.news.set()


class SimFleet:
    """Makes the cluster's objects; agents are by node name."""

    def __init__(self, kube: Kube, size: Size) -> None:
        self.kube = kube
        self.size = size
        self.agents = {name: SimAgent(kube, name) for name in map(node_name, range(size.nodes))}

    async def populate(self) -> None:
        """Nodes, a pool for all, and the pods that will hold pairs."""
        pool = {"metadata": {"name": "pair"}, "spec": {}}
        kind = {"apiVersion": NETVSC_POOLS.api_version, "kind": "NetvscPool"}
        await self.kube.create(NETVSC_POOLS, kind | pool)
        await several(self._node(name) for name in self.agents)
        await several(self._pod(number) for number in range(self.size.pods))

    async def report(self) -> None:
        """All agents report; one pair of a node is held where there is a pod for it."""
        await several(self._first(number, one) for number, one in enumerate(self.agents.values()))

    async def _first(self, number: int, agent: SimAgent) -> None:
        pairs = [pair(n + 1, node=number) for n in range(PAIRS)]
        if number < self.size.pods:
            pairs[0] = held(pairs[0], pod=pod_name(number))
        await agent.write(*pairs)

    async def _node(self, name: str) -> None:
        labels = {"kubernetes.io/hostname": name, "agentpool": "nfv"}
        await self.kube.create(
            NODES,
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}},
        )

    async def _pod(self, number: int) -> None:
        sidecar = {"name": "netvsc-fdpipe", "image": "none", "restartPolicy": "Always"}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": pod_name(number), "labels": {"netvsc.io/injected": "v1"}},
            "spec": {
                "nodeName": node_name(number),
                "tolerations": [{"operator": "Exists"}],
                "initContainers": [sidecar],
                "containers": [{"name": "fwd", "image": "none"}],
            },
        }
        await self.kube.create(PODS, body, namespace="default")

    async def storm(self) -> dict[str, list[float]]:
        """Let VFs go and return; return how long each telling took, in seconds."""
        names = [node_name(number) for number in range(self.size.changing)]
        async with listening(self.kube) as heard:
            pause = self.size.within_s / len(names)
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._flap(name, number * pause))
                    for number, name in enumerate(names)
                ]
            wrote = {(who, what): at for task in tasks for who, what, at in task.result()}
            missing = await _missing(wrote.keys(), heard)
        assert not missing, f"{len(missing)} were never told, such as {sorted(missing)[:5]}"
        found: dict[str, list[float]] = {}
        for key, at in wrote.items():
            found.setdefault(key[1], []).append(heard.at[key] - at)
        return found

    async def _flap(self, name: str, after_s: float) -> list[tuple[str, str, float]]:
        await asyncio.sleep(after_s)
        agent, pod = self.agents[name], name.replace("node", "pod")
        moments = []
        for reason, condition, change in (
            ("VFRevoked", "False", revoked),
            ("VFReturned", "True", lambda one: taken(returned(one))),
        ):
            began = time.monotonic()
            await agent.write(change(agent[0]))
            moments += [(name, reason, began), (pod, f"Accelerated={condition}", began)]
            await asyncio.sleep(1)
        return moments


async def _missing(wanted: Collection[tuple[str, str]], heard: Heard) -> set[tuple[str, str]]:
    """Wait until all was heard, for a minute at most; return what was not."""
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            while set(wanted) - heard.at.keys():
                heard.news.clear()
                await heard.news.wait()
    return set(wanted) - heard.at.keys()


@asynccontextmanager
async def listening(kube: Kube) -> AsyncIterator[Heard]:
    """Watch Events and Pods meanwhile."""
    heard = Heard()
    ready = [asyncio.Event(), asyncio.Event()]
    tasks = [
        asyncio.create_task(_events(kube, heard, ready[0])),
        asyncio.create_task(_pods(kube, heard, ready[1])),
    ]
    await asyncio.gather(*(one.wait() for one in ready))
    try:
        yield heard
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _events(kube: Kube, heard: Heard, ready: asyncio.Event) -> None:
    async for thing in _news(kube, EVENTS, Scope(), ready):
        if thing.get("regarding", {}).get("kind") == "Node":
            heard.note(thing["regarding"]["name"], thing.get("reason", ""))


async def _pods(kube: Kube, heard: Heard, ready: asyncio.Event) -> None:
    """Note conditions; a True counts only after the False that comes before it in the storm."""
    async for thing in _news(kube, PODS, Scope(labels="netvsc.io/injected=v1"), ready):
        name = thing["metadata"]["name"]
        for one in thing.get("status", {}).get("conditions") or []:
            after_false = (name, "Accelerated=False") in heard.at
            if one["type"] == "netvsc.io/Accelerated" and (one["status"] == "False" or after_false):
                heard.note(name, f"Accelerated={one['status']}")


async def _news(
    kube: Kube, kind: Kind, scope: Scope, ready: asyncio.Event
) -> AsyncIterator[dict[str, Any]]:
    """Yield objects that changed; those that were there at first are no news."""
    async with aclosing(Watch(kube, kind, scope).events()) as events:
        async for event in events:
            if isinstance(event, Applied):
                yield event.object
            elif isinstance(event, Listed):
                for thing in event.objects if ready.is_set() else ():
                    yield thing
                ready.set()


async def known(kube: Kube, number: int, *, told: bool = False) -> None:
    """Wait until there are so many NetvscNodes (with what was told of them)."""
    while True:
        there = (await kube.list(NETVSC_NODES, Scope(metadata_only=True))).items
        done = [one for one in there if not told or "netvsc.io/told" in _annotations(one)]
        if len(done) >= number:
            return
        await asyncio.sleep(0.2)


def _annotations(thing: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = thing["metadata"].get("annotations") or {}
    return found


async def several(jobs: Iterable[Awaitable[None]]) -> None:
    """Run jobs, a few at a time."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(job: Awaitable[None]) -> None:
        async with turns:
            await job

    await asyncio.gather(*(one(job) for job in jobs))


def node_name(number: int) -> str:
    return f"node-{number}"


def pod_name(number: int) -> str:
    return f"pod-{number}"
