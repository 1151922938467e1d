"""The node as a whole: the agent's own netns and every one that has a pair inside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial

from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink, read_interfaces
from netvsc_deviceplugin.cni.attach.plan import host_name
from netvsc_deviceplugin.inventory.scan import NetworkState, ScanSource, scan, with_gateways
from netvsc_deviceplugin.kernel import netlink
from netvsc_deviceplugin.kernel.links import Link, read_addresses
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.routes import read_default_routes
from netvsc_deviceplugin.kernel.sysfs import Devices


def scan_all(
    source: ScanSource, namespaces: Iterable[Netns], *, macs: Collection[str] = ()
) -> tuple[NetworkState, Devices]:
    """Scan all; raises NodeError. Call it while nothing is moved, or a pair is seen twice.

    In a pod a NetVSC still goes by its name on the host: that is what pools select and people know.
    `macs` are those of netdevs without a device that were moved there. No other netdev of a pod's
    counts: a pod that may make some could give them names and addresses that a pool selects.
    """
    inside = [link for ns in namespaces for link in ns.run(partial(_links, ns, source, macs))]
    return scan(source, inside)


def _links(ns: Netns, source: ScanSource, macs: Collection[str]) -> tuple[Link, ...]:
    """Return what may be ours in the calling thread's netns, which is `ns`.

    Routes are read only where one of ours has an address: else nobody routes over it.
    """
    there, addresses = read_interfaces(ns, source, dump=netlink.dump), read_addresses()
    ours = [one for one in there if one.link.parent_bus or one.link.mac in macs]
    links = tuple(_known(one, addresses[one.link.ifindex]) for one in ours)
    if not any(addresses[one.link.ifindex] for one in ours if host_name(one)):
        return links
    return with_gateways(links, read_default_routes())


def _known(one: NetnsLink, addresses: Sequence[str]) -> Link:
    link = replace(one.link, addresses=tuple(addresses))
    name = host_name(one)
    return replace(link, name=name) if name and link.parent_bus != "pci" else link
