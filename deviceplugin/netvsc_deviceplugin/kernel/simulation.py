"""Simulation: a link's alias stands for the parent and the master that the kernel would report.

`sim:vmbus:<guid>` makes a NetVSC of any netdev, `sim:pci:<address>[;master=<mac>]` a VF that has
joined the NetVSC with that MAC in its netns. `;perm=<mac>` at the end is the permanent address,
where it is another than the present one. Only with `--sim`; never on by default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from netvsc_deviceplugin.kernel.links import Link
from netvsc_deviceplugin.kernel.sysfs import Devices, PciDevice, VmbusDevice

_ALIAS = re.compile(
    r"sim:(?P<bus>vmbus|pci):(?P<parent>[^;]+)"
    r"(;master=(?P<master>[0-9a-f:]{17}))?(;perm=(?P<perm>[0-9a-f:]{17}))?"
)


def simulate(links: Iterable[Link]) -> tuple[Link, ...]:
    """Return `links` with every alias of the simulator turned into what it stands for."""
    found = tuple(links)
    netvscs = {
        (link.netns, link.mac): link.ifindex
        for link in found
        if link.alias.startswith("sim:vmbus:")
    }
    return tuple(_simulated(link, netvscs) for link in found)


def assumed_devices(links: Iterable[Link]) -> Devices:
    """Return the devices that the aliases name, for a simulation without a /sys tree."""
    named = [(k.parent_bus, k.parent) for k in links if k.parent and k.alias.startswith("sim:")]
    return Devices(
        pci={p: PciDevice(address=p, driver="sim") for bus, p in named if bus == "pci"},
        vmbus={p: VmbusDevice(guid=p, is_netvsc=True) for bus, p in named if bus == "vmbus"},
    )


def _simulated(link: Link, netvscs: dict[tuple[str | None, str], int]) -> Link:
    alias = _ALIAS.fullmatch(link.alias)
    if not alias:
        return link
    master = netvscs.get((link.netns, alias["master"])) if alias["master"] else link.master
    return replace(
        link,
        mac=alias["perm"] or link.mac,
        kind="",
        lower=None,
        parent_bus=alias["bus"],
        parent=alias["parent"],
        master=master,
    )
