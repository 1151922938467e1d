"""Traffic by path, read off the interfaces at each scrape: nothing is kept, nothing is stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from netvsc.errors import NetvscError
from netvsc.model.pair import Inventory, Pair, Path
from netvsc_deviceplugin.kernel.netns import Space, long
from netvsc_deviceplugin.kernel.statistics import Counters, read
from netvsc_deviceplugin.traffic import Traffic, over_synthetic, over_vf

_FAMILIES = {
    "netvsc_path_receive_bytes": ("Bytes received by path.", "received_bytes"),
    "netvsc_path_receive_packets": ("Packets received by path.", "received_packets"),
    "netvsc_path_transmit_bytes": ("Bytes sent by path.", "sent_bytes"),
    "netvsc_path_transmit_packets": ("Packets sent by path.", "sent_packets"),
}


class TrafficNow(Collector):
    """The pairs of `inventory` are looked for where it says they are."""

    def __init__(self, *, inventory: Callable[[], Inventory]) -> None:
        self._inventory = inventory

    def describe(self) -> Iterable[CounterMetricFamily]:
        return [_family(name) for name in _FAMILIES]

    def collect(self) -> Iterable[CounterMetricFamily]:
        seen = [*_all(self._inventory().pairs)]
        return [_filled(name, seen) for name in _FAMILIES]


def _all(pairs: Iterable[Pair]) -> Iterable[tuple[str, Path, Traffic]]:
    """Yield what can be read now; an interface that moves meanwhile is there at the next scrape."""
    several: dict[str | None, list[Pair]] = {}
    for pair in pairs:
        several.setdefault(pair.netns, []).append(pair)
    for netns, here in several.items():
        found = _read(here, netns)
        for pair in here:
            if pair.ifindex in found:
                yield pair.id, Path.SYNTHETIC, over_synthetic(found[pair.ifindex])
            if pair.vf and pair.vf.ifindex in found:
                yield pair.id, Path.VF, over_vf(found[pair.vf.ifindex])


def _read(pairs: Iterable[Pair], netns: str | None) -> dict[int, Counters]:
    wanted = frozenset(
        ifindex for pair in pairs for ifindex in (pair.ifindex, pair.vf.ifindex if pair.vf else 0)
    )
    try:
        if netns is None:
            return read(wanted)
        with Space.at(long(netns)) as space:
            return space.within(lambda: read(wanted))
    except NetvscError:
        return {}


def _family(name: str) -> CounterMetricFamily:
    return CounterMetricFamily(name, _FAMILIES[name][0], labels=["pair", "path"])


def _filled(name: str, seen: Iterable[tuple[str, Path, Traffic]]) -> CounterMetricFamily:
    family = _family(name)
    for pair, path, traffic in seen:
        family.add_metric([pair, path.value], getattr(traffic, _FAMILIES[name][1]))
    return family
