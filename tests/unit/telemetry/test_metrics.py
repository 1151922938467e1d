"""What makes each metric change; docs/test_metrics.py has their names."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client import CollectorRegistry, generate_latest

from netvsc.model.pool import BUILT_IN
from netvsc_deviceplugin.kubelet.podresources import Allocation
from netvsc_deviceplugin.telemetry.metrics import AgentMetrics
from netvsc_deviceplugin.telemetry.pair_gauges import PairGauges
from sim.kubelet.inventories import inventory, pair, revoked

A, B = pair(1), revoked(pair(2, numa=None))
HOLDER = Allocation(namespace="nf", pod="fwd-0", container="fwd", resource="netvsc.io/pair")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Exported:
    """Metrics with their registry and clock."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.clock = Clock()
        self.metrics = AgentMetrics(self.registry, clock=self.clock)

    def __call__(self, sample: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(sample, labels)

    def now(self) -> None:
        """Add the gauges of a node with pair A, held, and B, revoked and free."""
        empty = replace(BUILT_IN, name="empty", resource="netvsc.io/empty")
        self.registry.register(
            PairGauges(
                pools=lambda: (BUILT_IN, empty),
                inventory=lambda: inventory(A, B),
                allocations=lambda: {A.id: HOLDER},
                allocated_verbs=lambda: {A.id: ("uverbs7",), B.id: ("uverbs2",)},
            )
        )


def test_total_stands_on_counters_and_on_nothing_else() -> None:
    exported = Exported()
    exported.now()
    exported.metrics.add_pairs([A.id])
    exported.metrics.scanned("link", 0.001)
    for family in exported.registry.collect():
        totals = [one.name for one in family.samples if one.name.endswith("_total")]
        assert bool(totals) == (family.type == "counter"), family.name


def test_a_known_pair_counts_from_zero() -> None:
    exported = Exported()
    exported.metrics.add_pairs([A.id])
    assert exported("netvsc_vf_revocations_total", pair=A.id) == 0
    assert exported("netvsc_vf_returns_total", pair=A.id) == 0
    assert exported("netvsc_synthetic_seconds_total", pair=A.id) == 0


def test_an_outage_is_counted_at_both_ends_and_measured() -> None:
    exported = Exported()
    exported.metrics.revoked(A.id)
    exported.metrics.returned(A.id, 63.5)
    assert exported("netvsc_vf_revocations_total", pair=A.id) == 1
    assert exported("netvsc_vf_returns_total", pair=A.id) == 1
    assert exported("netvsc_vf_outage_seconds_sum") == 63.5
    assert exported("netvsc_vf_outage_seconds_bucket", le="60.0") == 0
    assert exported("netvsc_vf_outage_seconds_bucket", le="90.0") == 1


def test_synthetic_time_runs_during_the_outage() -> None:
    exported = Exported()
    exported.metrics.revoked(A.id)
    exported.clock.now += 40.0
    assert exported("netvsc_synthetic_seconds_total", pair=A.id) == 40.0
    exported.clock.now += 20.0
    exported.metrics.returned(A.id, 60.0)
    exported.clock.now += 999.0
    assert exported("netvsc_synthetic_seconds_total", pair=A.id) == 60.0


def test_synthetic_time_of_overlapping_outages_is_counted_once() -> None:
    exported = Exported()
    exported.metrics.revoked(A.id)
    exported.clock.now += 10.0
    exported.metrics.revoked(A.id)
    exported.clock.now += 5.0
    exported.metrics.returned(A.id, 15.0)
    exported.metrics.returned(A.id, 5.0)
    assert exported("netvsc_synthetic_seconds_total", pair=A.id) == 15.0


def test_scans_overruns_registrations_and_allocations_are_counted() -> None:
    exported = Exported()
    exported.metrics.scanned("overrun", 0.004)
    exported.metrics.overrun()
    exported.metrics.registered("accepted")
    exported.metrics.allocated("refused", 0.0003)
    assert exported("netvsc_scans_total", reason="overrun") == 1
    assert exported("netvsc_scan_seconds_bucket", le="0.005") == 1
    assert exported("netvsc_netlink_overruns_total") == 1
    assert exported("netvsc_kubelet_registrations_total", result="accepted") == 1
    assert exported("netvsc_kubelet_registrations_total", result="failed") == 0
    assert exported("netvsc_allocations_total", result="refused") == 1
    assert exported("netvsc_allocate_seconds_bucket", le="0.0005") == 1


def test_announcements_are_counted_and_timed_from_zero() -> None:
    exported = Exported()
    assert exported("netvsc_announcements_total", result="cancelled") == 0
    assert exported("netvsc_announce_seconds_count", stage="offered") == 0
    exported.metrics.announced("taken", 2)
    exported.metrics.announce_took("taken", 0.07)
    assert exported("netvsc_announcements_total", result="taken") == 2
    assert exported("netvsc_announce_seconds_bucket", stage="taken", le="0.05") == 0
    assert exported("netvsc_announce_seconds_bucket", stage="taken", le="0.1") == 1


def test_a_verbs_device_that_is_not_the_containers_shows_for_that_pair_alone() -> None:
    exported = Exported()
    exported.now()
    assert exported("netvsc_verbs_mismatch", pair=A.id) == 1
    assert exported("netvsc_verbs_mismatch", pair=B.id) == 0


def test_the_present_state_shows_each_pair_and_its_path() -> None:
    exported = Exported()
    exported.now()
    assert exported("netvsc_pair_path", pair=A.id, path="VF") == 1
    assert exported("netvsc_pair_path", pair=A.id, path="Synthetic") == 0
    assert exported("netvsc_pair_path", pair=B.id, path="Synthetic") == 1
    told = {"pool": "pair", "netvsc": "eth1", "numa_node": "0", "driver": "mlx5_core"}
    assert exported("netvsc_pair_info", pair=A.id, pci="0001:00:02.0", **told) == 1
    bare = {"pool": "pair", "netvsc": "eth2", "numa_node": "", "driver": "", "pci": ""}
    assert exported("netvsc_pair_info", pair=B.id, **bare) == 1


def test_the_present_state_shows_holders_and_what_is_free() -> None:
    exported = Exported()
    exported.now()
    labels = {"namespace": "nf", "pod": "fwd-0", "container": "fwd", "resource": "netvsc.io/pair"}
    assert exported("netvsc_pair_allocation_info", pair=A.id, **labels) == 1
    assert exported("netvsc_pool_pairs", pool="pair", state="allocated") == 1
    assert exported("netvsc_pool_pairs", pool="pair", state="free") == 1
    assert exported("netvsc_pool_pairs", pool="empty", state="free") == 0


def test_everything_can_be_written_out() -> None:
    exported = Exported()
    exported.now()
    exported.metrics.add_pairs([A.id])
    text = generate_latest(exported.registry).decode()
    assert f'netvsc_pair_path{{pair="{A.id}",path="VF"}} 1.0' in text
