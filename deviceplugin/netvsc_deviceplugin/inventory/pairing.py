"""Pairs each NetVSC with its VF: which interfaces are NetVSCs, and which VF is whose. Pure.

The kernel makes a NetVSC the master of its VF (netvsc_register_vf, drivers/net/hyperv/netvsc_drv.c)
and that is the answer; the same MAC on a PCI netdev is the fallback for the moments before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netvsc.model.mac import pair_id
from netvsc.model.names import natural
from netvsc.model.pair import Clash, Conflict, Vf
from netvsc.model.pool import Pool
from netvsc_deviceplugin.kernel.links import ETHERNET, LOOPBACK, Link
from netvsc_deviceplugin.kernel.sysfs import Devices, PciDevice


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """A NetVSC and its VF. `forced` is a netdev that a pool makes play NetVSC.

    `numa_node` is the VF's if the VF knows one, else the NetVSC's.
    """

    netvsc: Link
    vf: Vf | None
    forced: bool
    numa_node: int | None

    @property
    def id(self) -> str:
        return pair_id(self.netvsc.mac)


@dataclass(frozen=True, slots=True, kw_only=True)
class VfMemory:
    """What is known of a VF after it left, so that nothing the scheduler sees changes."""

    pci: str
    driver: str | None
    numa_node: int | None


def pair_up(
    links: Sequence[Link], devices: Devices, pools: Iterable[Pool] = ()
) -> tuple[tuple[Nic, ...], tuple[Conflict, ...]]:
    """Return every NIC of the node, in interface order, and what contradicts itself.

    Two NetVSCs of one MAC are no NIC at all: their ID would name both.
    """
    real = [link for link in links if _is_netvsc(link, devices)]
    netvscs = real + _forced(links, real, tuple(pools))
    twins = _twins(netvscs)
    conflicts = [_same_mac(link) for link in netvscs if link.mac in twins]
    nics = []
    for link in netvscs:
        if link.mac not in twins:
            nic, clash = _nic(link, links, devices, forced=link not in real)
            nics.append(nic)
            conflicts += clash
    nics.sort(key=lambda nic: (natural(nic.netvsc.name), nic.netvsc.ifindex))
    conflicts.sort(key=lambda conflict: (natural(conflict.interface), conflict.message))
    return tuple(nics), tuple(conflicts)


def remember(memory: Mapping[str, VfMemory], nics: Iterable[Nic]) -> dict[str, VfMemory]:
    """Return `memory` with the VFs of now; of what a VF no longer tells, the last word stays."""
    fresh = {}
    for nic in nics:
        if nic.vf:
            before = memory.get(nic.id)
            fresh[nic.id] = VfMemory(
                pci=nic.vf.pci,
                driver=nic.vf.driver or (before.driver if before else None),
                numa_node=before.numa_node if before and nic.numa_node is None else nic.numa_node,
            )
    return {**memory, **fresh}


def _is_netvsc(link: Link, devices: Devices) -> bool:
    if link.parent_bus != "vmbus" or not link.parent:
        return False
    device = devices.vmbus.get(link.parent)
    return bool(device and device.is_netvsc)


def _forced(links: Sequence[Link], real: list[Link], pools: tuple[Pool, ...]) -> list[Link]:
    """Return the netdevs that a pool forces; a VF among them stays the VF of its NetVSC."""
    macs = {link.mac for link in real}
    named = [
        link
        for link in links
        if link.type == ETHERNET
        and not link.flags & LOOPBACK
        and link.mac not in macs
        and any(p.force and p.selector.names(interface=link.name, mac=link.mac) for p in pools)
    ]
    others = {link.mac for link in named if link.parent_bus != "pci"}
    return [link for link in named if link.parent_bus != "pci" or link.mac not in others]


def _twins(netvscs: Iterable[Link]) -> set[str]:
    count: defaultdict[str, int] = defaultdict(int)
    for link in netvscs:
        count[link.mac] += 1
    return {mac for mac, number in count.items() if number > 1}


def _same_mac(link: Link) -> Conflict:
    return Conflict(
        interface=link.name,
        reason=Clash.SAME_MAC,
        message=f"another NetVSC has {link.mac} too: give each NIC its own MAC address",
    )


def _nic(
    netvsc: Link, links: Sequence[Link], devices: Devices, *, forced: bool
) -> tuple[Nic, list[Conflict]]:
    candidates = _candidates(netvsc, links)
    vf = _vf(candidates[0], netvsc, devices) if len(candidates) == 1 else None
    clash = []
    if len(candidates) > 1:
        names = ", ".join(sorted((link.name for link in candidates), key=natural))
        message = f"{names} could all be its VF; nothing is announced until one is left"
        clash = [Conflict(interface=netvsc.name, reason=Clash.TWO_VFS, message=message)]
    return Nic(netvsc=netvsc, vf=vf, forced=forced, numa_node=_numa(netvsc, vf, devices)), clash


def _candidates(netvsc: Link, links: Sequence[Link]) -> list[Link]:
    """Return what may be the VF: what has joined, else every PCI netdev of the same MAC.

    A VLAN or a bond with that MAC has a kind, an InfiniBand port another type; a VF left behind in
    another netns may show this ifindex as its master and does not count.
    """
    same = [
        link
        for link in links
        if link.parent_bus == "pci"
        and link.mac == netvsc.mac
        and link.netns == netvsc.netns
        and link.ifindex != netvsc.ifindex
        and link.type == ETHERNET
        and not link.kind
    ]
    return [link for link in same if link.master == netvsc.ifindex] or same


def _vf(link: Link, netvsc: Link, devices: Devices) -> Vf:
    pci = link.parent or ""
    device = devices.pci.get(pci, PciDevice(address=pci))
    return Vf(
        interface=link.name,
        ifindex=link.ifindex,
        pci=pci,
        driver=device.driver,
        verbs=device.verbs,
        joined=link.master == netvsc.ifindex,
    )


def _numa(netvsc: Link, vf: Vf | None, devices: Devices) -> int | None:
    of_vf = devices.pci[vf.pci].numa_node if vf and vf.pci in devices.pci else None
    if of_vf is not None:
        return of_vf
    device = devices.vmbus.get(netvsc.parent or "")
    return device.numa_node if device else None
