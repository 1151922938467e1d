"""Traffic by path, read off the interfaces at each scrape: nothing is kept, nothing is stale.

The VF's netdev does not see a DPDK application's frames; what its hardware counted has them
(`counters` in netvsc.drivers). hv_netvsc's totals have in them what went over the VF, and its
`vf_*` say how much that was (drivers/net/hyperv/netvsc_drv.c), so those are taken off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from netvsc.drivers import DRIVERS
from netvsc.errors import NetvscError
from netvsc.model.pair import Inventory, Pair, Path
from netvsc_deviceplugin.kernel.netns import Netns, netns_path
from netvsc_deviceplugin.kernel.statistics import Counters, read

_HARDWARE = tuple(one.counters for one in DRIVERS if one.counters)
_SHORT = {"packets": "pkts", "bytes": "bytes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Since the device is there: a VF that returns begins at 0."""

    received_bytes: int
    received_packets: int
    sent_bytes: int
    sent_packets: int


def over_vf(vf: Counters) -> Traffic:
    """Return what a VF carried, by its hardware's counters where the driver has them."""
    return Traffic(
        received_bytes=_hardware(vf.driver, "rx", "bytes", vf.rx_bytes),
        received_packets=_hardware(vf.driver, "rx", "packets", vf.rx_packets),
        sent_bytes=_hardware(vf.driver, "tx", "bytes", vf.tx_bytes),
        sent_packets=_hardware(vf.driver, "tx", "packets", vf.tx_packets),
    )


def over_synthetic(netvsc: Counters) -> Traffic:
    """Return what the NetVSC carried itself: its totals without what it says the VF did."""
    return Traffic(
        received_bytes=_without(netvsc, "vf_rx_bytes", netvsc.rx_bytes),
        received_packets=_without(netvsc, "vf_rx_packets", netvsc.rx_packets),
        sent_bytes=_without(netvsc, "vf_tx_bytes", netvsc.tx_bytes),
        sent_packets=_without(netvsc, "vf_tx_packets", netvsc.tx_packets),
    )


def _hardware(driver: Mapping[str, int], way: str, unit: str, otherwise: int) -> int:
    for family in _HARDWARE:
        names = [name.format(way=way, unit=unit, short=_SHORT[unit]) for name in family]
        if names[0] in driver:
            return sum(driver.get(name, 0) for name in names)
    return otherwise


def _without(netvsc: Counters, name: str, total: int) -> int:
    return max(0, total - netvsc.driver.get(name, 0))


_FAMILIES = {
    "netvsc_path_receive_bytes": ("Bytes received by path.", "received_bytes"),
    "netvsc_path_receive_packets": ("Packets received by path.", "received_packets"),
    "netvsc_path_transmit_bytes": ("Bytes sent by path.", "sent_bytes"),
    "netvsc_path_transmit_packets": ("Packets sent by path.", "sent_packets"),
}


class TrafficCollector(Collector):
    """The pairs of `inventory` are looked for where it says they are."""

    def __init__(self, *, inventory: Callable[[], Inventory]) -> None:
        self._inventory = inventory

    def describe(self) -> Iterable[CounterMetricFamily]:
        return [_family(name) for name in _FAMILIES]

    def collect(self) -> Iterable[CounterMetricFamily]:
        readings = [*_all(self._inventory().pairs)]
        return [_filled(name, readings) for name in _FAMILIES]


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
        with Netns.open(netns_path(netns)) as ns:
            return ns.run(lambda: read(wanted))
    except NetvscError:
        return {}


def _family(name: str) -> CounterMetricFamily:
    return CounterMetricFamily(name, _FAMILIES[name][0], labels=["pair", "path"])


def _filled(name: str, readings: Iterable[tuple[str, Path, Traffic]]) -> CounterMetricFamily:
    family = _family(name)
    for pair, path, traffic in readings:
        family.add_metric([pair, path.value], getattr(traffic, _FAMILIES[name][1]))
    return family
