"""Gauges that are read off the node's present state at each scrape, so they are never stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from netvsc.model.pair import Inventory, Pair, Path
from netvsc.model.pool import Pool
from netvsc_deviceplugin.kubelet.podresources import Allocations
from netvsc_deviceplugin.kubelet.verbs_check import mismatches
from netvsc_deviceplugin.kubelet.verbs_checkpoint import Verbs


class PairGauges(Collector):
    """Register it with the registry of the program; the functions return immutable values."""

    def __init__(
        self,
        *,
        pools: Callable[[], Sequence[Pool]],
        inventory: Callable[[], Inventory],
        allocations: Callable[[], Allocations],
        allocated_verbs: Callable[[], Verbs],
    ) -> None:
        self._pools = pools
        self._inventory = inventory
        self._allocations = allocations
        self._allocated_verbs = allocated_verbs

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Name the families without looking: the registry asks before the node was scanned."""
        shapes = (_info(()), _path(()), _allocation({}), _pool((), (), {}), _verbs((), {}))
        return (*shapes, _conflicts(0))

    def collect(self) -> Iterable[GaugeMetricFamily]:
        inventory, allocations = self._inventory(), self._allocations()
        pairs = inventory.pairs
        pools = _pool(self._pools(), pairs, allocations)
        verbs = _verbs(pairs, self._allocated_verbs())
        conflicts = _conflicts(len(inventory.conflicts))
        return (_info(pairs), _path(pairs), _allocation(allocations), pools, verbs, conflicts)


def _info(pairs: Sequence[Pair]) -> GaugeMetricFamily:
    labels = ["pair", "pool", "netvsc", "numa_node", "driver", "pci"]
    family = GaugeMetricFamily(
        "netvsc_pair_info", "A pair that is offered, with what it is made of.", labels=labels
    )
    for pair in pairs:
        numa = "" if pair.numa_node is None else str(pair.numa_node)
        driver, pci = (pair.vf.driver or "", pair.vf.pci) if pair.vf else ("", "")
        family.add_metric([pair.id, pair.pool, pair.netvsc, numa, driver, pci], 1)
    return family


def _path(pairs: Sequence[Pair]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "netvsc_pair_path", "1 at the path that the pair's frames take.", labels=["pair", "path"]
    )
    for pair in pairs:
        for path in Path:
            family.add_metric([pair.id, path.value], pair.path is path)
    return family


def _allocation(allocations: Allocations) -> GaugeMetricFamily:
    labels = ["pair", "namespace", "pod", "container", "resource"]
    family = GaugeMetricFamily(
        "netvsc_pair_allocation_info", "The container that holds a pair.", labels=labels
    )
    for id_, by in allocations.items():
        family.add_metric([id_, by.namespace, by.pod, by.container, by.resource], 1)
    return family


def _pool(
    pools: Sequence[Pool], pairs: Sequence[Pair], allocations: Allocations
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "netvsc_pool_pairs", "Pairs of a pool, free and allocated.", labels=["pool", "state"]
    )
    for pool in pools:
        mine = [pair.id for pair in pairs if pair.pool == pool.name]
        allocated = sum(1 for id_ in mine if id_ in allocations)
        family.add_metric([pool.name, "allocated"], allocated)
        family.add_metric([pool.name, "free"], len(mine) - allocated)
    return family


def _verbs(pairs: Sequence[Pair], allocated_verbs: Verbs) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "netvsc_verbs_mismatch",
        "1 for a held pair whose VF has another verbs device than its container.",
        labels=["pair"],
    )
    for id_, why in mismatches(pairs, allocated_verbs).items():
        family.add_metric([id_], why is not None)
    return family


def _conflicts(count: int) -> GaugeMetricFamily:
    text = "NICs that contradict themselves; nothing is announced for them."
    return GaugeMetricFamily("netvsc_pairing_conflicts", text, value=count)
