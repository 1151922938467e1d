"""How much of a pair's traffic went over its VF, and how much over the synthetic path.

A DPDK application goes past the kernel, so the VF's netdev has not seen its frames; what the VF
itself counted has: `*_vport_*` of mlx5 (Documentation/networking/device_drivers/ethernet/mellanox/
mlx5/counters.rst: raw Ethernet and DPDK included) and `hc_*` of mana (mana_ethtool.c). hv_netvsc
counts in its own totals what it sent over the VF, and tells how much that was (`vf_*`,
drivers/net/hyperv/netvsc_drv.c).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netvsc.drivers import DRIVERS
from netvsc_deviceplugin.kernel.statistics import Counters

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
