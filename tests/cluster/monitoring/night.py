"""A night on Azure, recorded: the real programs' own metrics, driven by a story.

Four nodes of three pairs each. One node is serviced and all its VFs leave for a minute; another one
too; a third has an application that does not take its VF back, and a VF that never comes back. What
a scrape of each program would have answered is what the registries of the real programs say then.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from cluster.monitoring.recorded import Target
from netvsc.model.pair import Inventory, Pair, Path, Uplink, Vf, VfSeen
from netvsc.model.pool import BUILT_IN
from netvsc_deviceplugin.kubelet.podresources import Allocation
from netvsc_deviceplugin.telemetry import traffic as metrics_traffic
from netvsc_deviceplugin.telemetry.metrics import AgentMetrics
from netvsc_deviceplugin.telemetry.pair_gauges import PairGauges
from netvsc_deviceplugin.telemetry.traffic import Traffic
from netvsc_operator.controller.events.reasons import EventReason
from netvsc_operator.controller.process import ControllerProcess, ControllerSettings
from netvsc_operator.webhook.metrics import ReviewOutcome
from netvsc_operator.webhook.metrics import WebhookMetrics as Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client.core import CounterMetricFamily

START = 1_767_312_000  # 2026-01-02 00:00:00 UTC: a block's beginning
MINUTES = 60
NODES = tuple(f"aks-nf-{number}" for number in range(4))
AGENT, WEBHOOK, CONTROLLER = "netvsc-deviceplugin", "netvsc-webhook", "netvsc-controller"
_FRAME = 700  # bytes
_RATES = {Path.VF: 900_000, Path.SYNTHETIC: 120_000}  # packets per second and pair
_CERTIFICATE_S = 75 * 86_400


@dataclass(slots=True)
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Nic:
    """A pair and what it has carried; a VF counts from its arrival."""

    pair: Pair
    vf: Vf
    pod: str | None
    carried: dict[Path, int] = field(default_factory=lambda: dict.fromkeys(Path, 0))
    left: float = 0.0

    def forward(self, seconds: float) -> None:
        if self.pod:
            self.carried[self.pair.path] += int(_RATES[self.pair.path] * seconds)

    def traffic(self) -> Iterable[tuple[str, Path, Traffic]]:
        for path in Path if self.pair.vf else (Path.SYNTHETIC,):
            count = self.carried[path]
            yield (
                self.pair.id,
                path,
                Traffic(
                    received_packets=count,
                    received_bytes=count * _FRAME,
                    sent_packets=count * 98 // 100,
                    sent_bytes=count * 98 // 100 * _FRAME,
                ),
            )


class Carried(metrics_traffic.TrafficCollector):
    """The real families over modelled counters: no netdev is behind these pairs."""

    def __init__(self, nics: Iterable[Nic]) -> None:
        super().__init__(inventory=Inventory)
        self._nics = nics

    def collect(self) -> Iterable[CounterMetricFamily]:
        seen = [one for nic in self._nics for one in nic.traffic()]
        return [metrics_traffic._filled(name, seen) for name in metrics_traffic._FAMILIES]


class Agent:
    """One node's agent; `revoke` and `give` are what its host does."""

    def __init__(self, name: str, number: int, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self.nics = [_nic(number, nic, f"fwd-{number}-{nic}") for nic in (1, 2, 3)]
        if number == 3:
            self.nics[1].pod = self.nics[2].pod = None
        self.registry = CollectorRegistry()
        self.metrics = AgentMetrics(self.registry, clock=clock)
        self.registry.register(
            PairGauges(
                pools=lambda: (BUILT_IN,),
                inventory=lambda: Inventory(pairs=tuple(nic.pair for nic in self.nics)),
                allocations=self._held,
                allocated_verbs=lambda: {nic.pair.id: nic.vf.verbs for nic in self.nics if nic.pod},
            )
        )
        self.registry.register(Carried(self.nics))
        self.metrics.add_pairs(nic.pair.id for nic in self.nics)
        self.metrics.registered("accepted")

    def revoke(self, number: int) -> None:
        nic = self.nics[number]
        nic.left = self.clock.now
        nic.pair = replace(nic.pair, path=Path.SYNTHETIC, vf=None, vf_seen=VfSeen.LOST)
        self.metrics.revoked(nic.pair.id)
        self.scan("link")

    def give(self, number: int, *, taken: bool = True) -> None:
        nic = self.nics[number]
        nic.carried[Path.VF] = 0
        nic.pair = replace(nic.pair, path=Path.VF, vf=nic.vf, vf_seen=VfSeen.PRESENT)
        self.metrics.returned(nic.pair.id, self.clock.now - nic.left)
        self.scan("uevent")
        self.metrics.announced("taken" if taken else "cancelled", 1)
        self.metrics.announce_took("offered", 0.0007 + 0.0002 * number)
        if taken:
            self.metrics.announce_took("taken", 0.04 + 0.02 * number)

    def pod(self, number: int, name: str | None) -> None:
        """A pod comes, or what was there goes."""
        self.nics[number].pod = name
        if name:
            self.metrics.allocated("granted", 0.0004)
        self.metrics.cni_called("ADD" if name else "DEL", "done", 0.088 + 0.004 * number)
        self.scan("link")

    def scan(self, why: str) -> None:
        self.metrics.scanned(why, 0.003 + (0.0004 * (self.clock.now % 7)))

    def _held(self) -> dict[str, Allocation]:
        return {
            nic.pair.id: Allocation(
                namespace="nf", pod=nic.pod, container="fwd", resource="netvsc.io/pair"
            )
            for nic in self.nics
            if nic.pod
        }


def _nic(node: int, number: int, pod: str) -> Nic:
    mac = f"00:0d:3a:c0:{node:02x}:{number:02x}"
    vf = Vf(
        interface=f"enP{node}s{number}",
        ifindex=10 + number,
        pci=f"{0x9B33 + node:04x}:00:{number:02x}.0",
        driver="mana" if node == 3 else "mlx5_core",
        verbs=(f"uverbs{number - 1}",),
        joined=True,
    )
    pair = Pair(
        id=mac.replace(":", "-"),
        mac=mac,
        netvsc=f"eth{number}",
        ifindex=number,
        netns=None,
        vmbus=None,
        mtu=1500,
        addresses=(),
        pool="pair",
        numa_node=0,
        path=Path.VF,
        uplink=Uplink.NO,
        vf_seen=VfSeen.PRESENT,
        vf=vf,
    )
    return Nic(pair, vf, pod)


class Night:
    """All programs and what happens to them, second by second."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.agents = [Agent(name, number, self.clock) for number, name in enumerate(NODES)]
        self.webhooks = [CollectorRegistry(), CollectorRegistry()]
        self.reviewers = [Webhook(registry) for registry in self.webhooks]
        for reviewer in self.reviewers:
            reviewer.expires(START + _CERTIFICATE_S)
        self.kube = CollectorRegistry()
        settings = ControllerSettings(listen=":0")
        self.controller = ControllerProcess(settings, self.kube)._metrics
        self.controller.expires()(START + _CERTIFICATE_S)

    def targets(self) -> list[Target]:
        nodes = [
            Target(AGENT, agent.name, f"{AGENT}-{agent.name}", agent.registry)
            for agent in self.agents
        ]
        pods = [
            Target(WEBHOOK, f"{WEBHOOK}-{number}", f"{WEBHOOK}-{number}", registry)
            for number, registry in enumerate(self.webhooks)
        ]
        return [*nodes, *pods, Target(CONTROLLER, CONTROLLER, CONTROLLER, self.kube)]

    def second(self, number: int) -> None:
        """Let one second pass."""
        self.clock.now = START + number
        for agent in self.agents:
            for nic in agent.nics:
                nic.forward(1)
            if number % 60 == 0:
                agent.scan("timer")
        for happens in self._story().get(number, ()):
            happens()

    def _story(self) -> dict[int, list[Callable[[], None]]]:
        first, second, third, fourth = self.agents
        return {
            300: [lambda: self._comes(fourth, 2, "fwd-3-3")],
            600: [lambda: self._serviced(first)],
            662: [lambda: self._back(first, 1)],
            663: [lambda: self._back(first, 2), lambda: self._back(first, 0)],
            1500: [lambda: self._serviced(second)],
            1530: [lambda: self._back(second, 2)],
            1531: [lambda: self._back(second, 0), lambda: self._back(second, 1)],
            1920: [lambda: self._told(third, lambda: third.revoke(0), EventReason.VF_REVOKED)],
            1950: [lambda: third.give(0, taken=False)],
            1952: [self._again],
            1957: [self._again],
            1972: [self._again],
            2017: [lambda: self.controller.reannounced("escalated")],
            2400: [lambda: self._told(third, lambda: third.revoke(1), EventReason.VF_REVOKED)],
            2520: [lambda: first.pod(0, None)],
            2526: [lambda: self._comes(first, 0, "fwd-0-1b")],
            2700: [lambda: self.reviewers[1].reviewed(ReviewOutcome.REFUSED, 0.0005)],
            3000: [second.metrics.overrun, lambda: second.scan("overrun")],
        }

    def _comes(self, agent: Agent, number: int, name: str) -> None:
        for reviewer in self.reviewers:
            reviewer.reviewed(ReviewOutcome.PATCHED, 0.0004)
        agent.pod(number, name)

    def _serviced(self, agent: Agent) -> None:
        for number in range(3):
            self._told(agent, partial(agent.revoke, number), EventReason.VF_REVOKED)

    def _back(self, agent: Agent, number: int) -> None:
        self._told(agent, lambda: agent.give(number), EventReason.VF_RETURNED)

    def _told(self, agent: Agent, happens: Callable[[], None], reason: EventReason) -> None:
        happens()
        self.controller.event_written(reason)
        self.controller.looked(0.018 + 0.01 * len(agent.name) / 10)

    def _again(self) -> None:
        self.controller.reannounced("automatic")
        self.agents[2].metrics.announced("cancelled", 1)
        self.agents[2].metrics.announce_took("offered", 0.001)
