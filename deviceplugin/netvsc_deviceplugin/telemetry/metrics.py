"""The agent's metrics. Prefix `netvsc_`, base units, label `pair` is a pair's id.

One object, made with the registry of the program; the rest of the agent calls its methods and
knows no metric's name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from netvsc import __version__
from netvsc_deviceplugin.kernel.events import ScanReason

# Host servicing takes 30 to 65 s as a rule, sometimes minutes (seconds).
_OUTAGE = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 300.0, 600.0)
_SCAN = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
# A move costs 40 ms in the kernel (rcu_barrier), a pod without pairs a millisecond (seconds).
_CNI = (0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 5.0)
# A line is out within a millisecond; it is taken at the next poll, 0.1 s or 2 s (seconds).
_ANNOUNCE = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0)
_ALLOCATE = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0)

_CNI_TIMED = ("ADD", "DEL", "CHECK", "GC")
_CNI_VERBS = (*_CNI_TIMED, "STATUS", "VERSION", "unknown")  # the last: a call that cannot be read

RegistrationResult = Literal["accepted", "failed"]
AllocateResult = Literal["granted", "refused", "failed"]
CniResult = Literal["done", "failed"]
LineResult = Literal["taken", "cancelled", "failed"]
LineStage = Literal["offered", "taken"]


class AgentMetrics:
    """What happened, counted; what is now comes from `pair_gauges`."""

    def __init__(
        self, registry: CollectorRegistry, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        build = Gauge("netvsc_build_info", "The agent's version.", ["version"], registry=registry)
        build.labels(version=__version__).set(1)
        self._revocations = Counter(
            "netvsc_vf_revocations", "VFs taken away.", ["pair"], registry=registry
        )
        self._returns = Counter(
            "netvsc_vf_returns", "VFs that came back.", ["pair"], registry=registry
        )
        self._outage = Histogram(
            "netvsc_vf_outage_seconds",
            "How long a VF was away, observed at its return.",
            buckets=_OUTAGE,
            registry=registry,
        )
        self._synthetic = SyntheticSeconds(clock)
        registry.register(self._synthetic)
        self._overruns = Counter(
            "netvsc_netlink_overruns",
            "Times the kernel dropped messages because the agent was slow to read them.",
            registry=registry,
        )
        self._scans = Counter(
            "netvsc_scans", "Full scans, by what woke them.", ["reason"], registry=registry
        )
        self._scan = Histogram(
            "netvsc_scan_seconds", "How long a full scan took.", buckets=_SCAN, registry=registry
        )
        self._registrations = Counter(
            "netvsc_kubelet_registrations",
            "Registrations with the kubelet.",
            ["result"],
            registry=registry,
        )
        self._allocations = Counter(
            "netvsc_allocations", "Allocate calls answered.", ["result"], registry=registry
        )
        self._allocate = Histogram(
            "netvsc_allocate_seconds",
            "How long an Allocate call took.",
            buckets=_ALLOCATE,
            registry=registry,
        )
        self._add_cni(registry)
        self._add_announcements(registry)
        self._start_at_zero()

    def _start_at_zero(self) -> None:
        """Show what can be counted before it is: Prometheus sees no increase from nothing."""
        for reason in ScanReason:
            self._scans.labels(reason=reason.value)
        for result in get_args(RegistrationResult):
            self._registrations.labels(result=result)
        for answer in get_args(AllocateResult):
            self._allocations.labels(result=answer)

    def _add_cni(self, registry: CollectorRegistry) -> None:
        self._cni = Counter(
            "netvsc_cni_requests", "CNI calls answered.", ["verb", "result"], registry=registry
        )
        self._cni_seconds = Histogram(
            "netvsc_cni_seconds",
            "How long a CNI call took.",
            ["verb"],
            buckets=_CNI,
            registry=registry,
        )
        for verb in _CNI_TIMED:
            self._cni_seconds.labels(verb=verb)
        for verb in _CNI_VERBS:
            for result in get_args(CniResult):
                self._cni.labels(verb=verb, result=result)

    def _add_announcements(self, registry: CollectorRegistry) -> None:
        self._announcements = Counter(
            "netvsc_announcements", "Lines, by how they ended.", ["result"], registry=registry
        )
        self._announce = Histogram(
            "netvsc_announce_seconds",
            "From a usable VF to its line in the pipe, and from there to its reading.",
            ["stage"],
            buckets=_ANNOUNCE,
            registry=registry,
        )
        for result in get_args(LineResult):
            self._announcements.labels(result=result)
        for stage in get_args(LineStage):
            self._announce.labels(stage=stage)

    def add_pairs(self, pairs: Iterable[str]) -> None:
        """Start these pairs' counters at 0: Prometheus sees no increase from nothing."""
        for pair in pairs:
            self._revocations.labels(pair=pair)
            self._returns.labels(pair=pair)
            self._synthetic.add_pair(pair)

    def revoked(self, pair: str) -> None:
        self._revocations.labels(pair=pair).inc()
        self._synthetic.vf_left(pair)

    def returned(self, pair: str, outage_seconds: float) -> None:
        self._returns.labels(pair=pair).inc()
        self._outage.observe(outage_seconds)
        self._synthetic.vf_returned(pair)

    def overrun(self) -> None:
        self._overruns.inc()

    def scanned(self, reason: str, seconds: float) -> None:
        self._scans.labels(reason=reason).inc()
        self._scan.observe(seconds)

    def registered(self, result: RegistrationResult) -> None:
        self._registrations.labels(result=result).inc()

    def allocated(self, result: AllocateResult, seconds: float) -> None:
        self._allocations.labels(result=result).inc()
        self._allocate.observe(seconds)

    def cni_called(self, verb: str, result: CniResult, seconds: float) -> None:
        """Count a CNI call."""
        self._cni.labels(verb=verb, result=result).inc()
        self._cni_seconds.labels(verb=verb).observe(seconds)

    def announced(self, result: LineResult, count: int) -> None:
        """Count lines, by how they ended."""
        self._announcements.labels(result=result).inc(count)

    def announce_took(self, stage: LineStage, seconds: float) -> None:
        self._announce.labels(stage=stage).observe(seconds)


class SyntheticSeconds(Collector):
    """Time on the synthetic path after the loss of a VF; `clock` counts seconds.

    A plain counter would stand still through an outage and jump at its end: this one is read off
    the clock at the scrape. A NIC that never had a VF counts nothing.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._total: dict[str, float] = {}
        self._since: dict[str, float] = {}

    def add_pair(self, pair: str) -> None:
        self._total.setdefault(pair, 0.0)

    def vf_left(self, pair: str) -> None:
        """Start the time of a pair whose VF went; a second loss before a return changes nothing."""
        self._since.setdefault(pair, self._clock())

    def vf_returned(self, pair: str) -> None:
        self._total[pair] = self._now(pair)
        self._since.pop(pair, None)

    def collect(self) -> Iterable[CounterMetricFamily]:
        family = CounterMetricFamily(
            "netvsc_synthetic_seconds",
            "Seconds on the synthetic path since a VF was taken away.",
            labels=["pair"],
        )
        for pair in {**self._total, **self._since}:
            family.add_metric([pair], self._now(pair))
        yield family

    def _now(self, pair: str) -> float:
        since = self._since.get(pair)
        running = 0.0 if since is None else self._clock() - since
        return self._total.get(pair, 0.0) + running
