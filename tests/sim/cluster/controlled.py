"""The controller's own code over a simulated apiserver and a clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from prometheus_client import CollectorRegistry

from netvsc.encoding.serialize import to_plain
from netvsc.model.status import Foreign, PairStatus
from netvsc_operator.controller.cache import Cache, NodeFacts, PodFacts
from netvsc_operator.controller.events.pods import Pods
from netvsc_operator.controller.events.reannounce import StateTimer
from netvsc_operator.controller.events.recorder import Recorder
from netvsc_operator.controller.events.reporter import Reporter
from netvsc_operator.controller.metrics import ControllerMetrics
from netvsc_operator.controller.pools.status_writer import PoolStatusWriter
from netvsc_operator.controller.reconciler import Reconciler
from netvsc_operator.controller.watches.nic_owners import NicOwners
from netvsc_operator.controller.workqueue import WorkQueue
from netvsc_operator.kube import EVENTS, NETVSC_NODES, NETVSC_POOLS, NODES, PODS, Kube
from sim.cluster.nodes import status
from sim.cluster.objects import SimKube

NODE = "n1"
POD = "fwd-0"
START = 1_790_000_000.0


class SimQueue(WorkQueue):
    """Remembers when to look again; nothing looks by itself."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.after: list[float] = []

    def add_after(self, name: str, seconds: float) -> None:
        assert name == NODE
        self.after.append(seconds)


class SimForeigners:
    """Somebody else's word on a node's NICs; None: not known yet."""

    def __init__(self) -> None:
        self.said: tuple[Foreign, ...] | None = None

    def of(self, _node: str, _interfaces: object) -> tuple[Foreign, ...] | None:
        return self.said


@dataclass(slots=True)
class World:
    """One Node with a pool, one pod, and a controller that can be killed and started anew."""

    kube: SimKube = field(default_factory=SimKube)
    clock: float = START
    foreigners: SimForeigners = field(default_factory=SimForeigners)
    reannounce: str | None = None
    sidecar: bool = True
    queue: SimQueue = field(init=False)
    cache: Cache = field(init=False)
    pools: PoolStatusWriter = field(init=False)
    controller: Reconciler = field(init=False)
    registry: CollectorRegistry = field(init=False)

    def __post_init__(self) -> None:
        self.kube.put(NODES, {"metadata": {"name": NODE, "uid": "node-uid"}})
        self.kube.put(NETVSC_POOLS, {"metadata": {"name": "pair"}, "spec": {}})
        sidecar = [{"name": "netvsc-fdpipe"}] if self.sidecar else []
        meta = {"name": POD, "namespace": "default", "uid": "pod-uid"}
        self.kube.put(PODS, {"metadata": meta, "spec": {"initContainers": sidecar}})

    async def start(self) -> None:
        """Start a controller that remembers nothing but what the apiserver has."""
        kube = cast("Kube", self.kube)
        self.queue = SimQueue()
        self.cache = Cache(self.queue)
        self.cache.nodes[NODE] = NodeFacts("node-uid", {"zone": "a"})
        self.cache.pods[f"default/{POD}"] = PodFacts("pod-uid", self.reannounce)
        self.registry = CollectorRegistry()
        metrics = ControllerMetrics(self.registry)
        self.pools = PoolStatusWriter(kube, self.cache, clock=self.now)
        await self.pools.read()
        reporter = Reporter(
            recorder=Recorder(kube, metrics, clock=self.now),
            pods=Pods(kube, clock=self.now),
            cache=self.cache,
            timer=StateTimer(self.now),
            meter=metrics,
        )
        self.controller = Reconciler(
            kube,
            cache=self.cache,
            reporter=reporter,
            nic_owners=cast("NicOwners", self.foreigners),
            pools=self.pools,
        )

    def now(self) -> float:
        return self.clock

    async def report(self, *pairs: PairStatus) -> None:
        """Let the agent report, and the controller look until nothing follows from it."""
        self.agent_writes(*pairs)
        await self.settle()

    def agent_writes(self, *pairs: PairStatus) -> None:
        self.kube.put(NETVSC_NODES, self.node | {"status": to_plain(status(*pairs))})

    async def settle(self) -> None:
        for _ in range(10):
            before = len(self.kube.writes)
            self.cache.doubt(NODE)
            await self.controller.reconcile(NODE)
            if len(self.kube.writes) == before:
                return
        raise AssertionError(f"it never settles: {self.kube.writes[-10:]}")

    async def pass_(self, seconds: float) -> None:
        """Let time pass, then look."""
        self.clock += seconds
        self.queue.after.clear()
        await self.settle()

    @property
    def node(self) -> dict[str, Any]:
        return self.kube.objects["netvscnodes", None, NODE]

    @property
    def orders(self) -> dict[str, int]:
        orders: dict[str, int] = self.node["spec"].get("announce", {})
        return orders

    def events(self, kind: str = "Node") -> list[str]:
        """Reasons, in the order in which they were told."""
        told = self.kube.of(EVENTS)
        return [one["reason"] for one in told if one["regarding"]["kind"] == kind]

    def notes(self, reason: str, kind: str = "Pod") -> list[str]:
        told = self.kube.of(EVENTS)
        return [
            one["note"]
            for one in told
            if one["reason"] == reason and one["regarding"]["kind"] == kind
        ]

    @property
    def condition(self) -> dict[str, Any]:
        pod = self.kube.objects["pods", "default", POD]
        found: dict[str, Any] = pod["status"]["conditions"][0]
        return found

    def counted(self, series: str, **labels: str) -> float:
        return self.registry.get_sample_value(series, labels) or 0.0


async def world(**how: Any) -> World:
    """A world whose NetvscNode was made by the controller itself."""
    made = World(**how)
    await made.start()
    await made.settle()
    assert made.kube.of(NETVSC_NODES)
    return made
