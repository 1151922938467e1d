"""One full look at the node: interfaces, routes, devices. Reads, decides nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from netvsc_deviceplugin.kernel import sysfs
from netvsc_deviceplugin.kernel.addresses import NicAddresses
from netvsc_deviceplugin.kernel.links import Link, read_links
from netvsc_deviceplugin.kernel.routes import DefaultRoute, read_default_routes
from netvsc_deviceplugin.kernel.simulation import assumed_devices, simulate
from netvsc_deviceplugin.kernel.sysfs import Devices, read_devices, with_parents

SYS = Path("/sys")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSource:
    """Where to look: /sys, and for the simulator what stands for it (`sim`)."""

    sysfs: Path = SYS
    sim: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkState:
    """What was read of the node. `routes` is None where routes could not be read."""

    links: Sequence[Link]
    routes: Sequence[DefaultRoute] | None


def source_of(sim: str | None) -> ScanSource:
    """Make the source of a `--sim` option: its /sys tree, or the machine's own without one."""
    return ScanSource(sysfs=Path(sim), sim=True) if sim else ScanSource()


def scan(source: ScanSource, elsewhere: Sequence[Link] = ()) -> tuple[NetworkState, Devices]:
    """Read the calling thread's netns and the devices behind its interfaces and those elsewhere.

    Raises NodeError if the kernel refuses.
    """
    routes = read_default_routes()
    links = (*with_gateways(refine(read_links(), source), routes), *elsewhere)
    network = NetworkState(links=links, routes=routes)
    if source.sim and source.sysfs == SYS:
        return network, assumed_devices(links)
    return network, read_devices(source.sysfs, links)


def scan_tree(root: Path) -> tuple[NetworkState, Devices]:
    """Read a /sys tree instead of the kernel: nothing is known of routes then."""
    links = sysfs.read_links(root)
    return NetworkState(links=links, routes=None), read_devices(root, links)


def with_gateways(links: Iterable[Link], routes: Iterable[DefaultRoute]) -> tuple[Link, ...]:
    """Note at each link the gateways of the default routes over it."""
    gateways: defaultdict[int, list[str]] = defaultdict(list)
    for route in routes:
        if route.via:
            gateways[route.ifindex].append(route.via)
    return tuple(
        replace(link, gateways=tuple(gateways[link.ifindex])) if link.ifindex in gateways else link
        for link in links
    )


def with_azure(network: NetworkState, azure: Mapping[str, NicAddresses]) -> NetworkState:
    """Note at each link what Azure says of the NIC with its MAC."""
    links = (replace(k, azure=azure[k.mac]) if k.mac in azure else k for k in network.links)
    return replace(network, links=tuple(links))


def refine(links: tuple[Link, ...], source: ScanSource) -> tuple[Link, ...]:
    """Complete what the kernel said: parents that old kernels leave out, or the simulator's."""
    known = with_parents(source.sysfs, links)
    return simulate(known) if source.sim else known
