"""Configures addresses in a pod: those of an IPAM plugin, or the NIC's own.

A result is applied as the standard plugins' ipam.ConfigureIface does, except that a route which is
there already stays, and the call fails.

The NIC's own come with the route to their subnet, and no other: the pod's default route is that of
its primary interface, and stays.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Collection, Mapping, Sequence

from netvsc.errors import NodeError, RequestError, RetryError
from netvsc.model.pair import Inventory
from netvsc.model.pool import Addresses, Pool
from netvsc_deviceplugin.cni.attach import ipv6
from netvsc_deviceplugin.cni.protocol.routes import address_of, gateways_of, route_of
from netvsc_deviceplugin.kernel import links
from netvsc_deviceplugin.kernel.addresses import NicAddresses
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.requests.linkops import Rtnl
from netvsc_deviceplugin.kernel.requests.present_route import add_route
from netvsc_deviceplugin.kernel.requests.route import Interface, Route

Json = Mapping[str, object]
_SHOWN = 200  # characters of what is refused


def own_of(id_: str, *, pools: Sequence[Pool], inventory: Inventory) -> Json | None:
    """Return the addresses that a pair shall have in its pod, as IPAM plugins write them.

    None where its pool does not say `addresses: azure`. Raises RetryError while nobody knows any:
    a pod that was promised addresses does not start without them.
    """
    promised = {pool.name for pool in pools if pool.addresses is Addresses.AZURE}
    if not promised:
        return None
    pair = next((pair for pair in inventory.pairs if pair.id == id_), None)
    if pair and pair.pool not in promised:
        return None
    if not pair or not pair.addresses:
        raise RetryError(
            f"pair {id_}: neither the kernel nor Azure's metadata service has told its addresses "
            "yet, and its pool says `addresses: azure`; see --imds"
        )
    return _written(NicAddresses(addresses=pair.addresses, gateways=pair.gateways))


def configure(netns: str, results: Mapping[int, Json]) -> None:
    """Configure IPAM `results`, by ifindex: addresses and then routes, as standard plugins do.

    Raises RequestError for what cannot be had, NodeError if the netns is gone or the kernel
    refuses. All is read before anything is configured.
    """
    read = {ifindex: _read(one) for ifindex, one in results.items()}
    with Netns.open(netns) as ns, Rtnl(ns) as rtnl:
        for ifindex, (addresses, routes) in read.items():
            if any(address.version == 6 for address in addresses):
                ipv6.enable(ns, ifindex)
            for address in addresses:
                rtnl.add_address(ifindex, address)
            for route in routes:
                add_route(rtnl, ifindex, route, netns=netns)


def check(previous: Json, *, netns: str, interfaces: Collection[str]) -> None:
    """Raise NodeError unless these interfaces have the addresses that an ADD's result tells."""
    listed = _objects(previous, "interfaces")
    wanted = [
        (str(listed[index]["name"]), address_of(one))
        for one in _objects(previous, "ips")
        if isinstance(index := one.get("interface"), int)
        and 0 <= index < len(listed)
        and (str(listed[index].get("name")) in interfaces and listed[index].get("sandbox") == netns)
    ]
    with Netns.open(netns) as ns:
        there = ns.run(lambda: _there(interfaces))
    for name, address in wanted:
        if not address.ip.is_link_local and str(address) not in there[name]:
            raise NodeError(f"{name} of {netns} has lost its address {address}; start the pod anew")


def _there(interfaces: Collection[str]) -> Mapping[str, Collection[str]]:
    """Return what the interfaces have, link-local addresses left out, by name."""
    found = links.read_addresses()
    return {name: found.get(socket.if_nametoindex(name), ()) for name in interfaces}


def _read(result: Json) -> tuple[list[Interface], list[Route]]:
    ips = _objects(result, "ips")
    gateways = gateways_of(ips)
    routes = [route_of(one, gateways=gateways) for one in _objects(result, "routes")]
    return [address_of(one) for one in ips], routes


def _written(own: NicAddresses) -> Json:
    gateways = {address: own.gateway(address) for address in own.addresses}
    return {
        "ips": [
            {"address": address, "gateway": gateway} if gateway else {"address": address}
            for address, gateway in gateways.items()
        ]
    }


def _objects(result: Json, key: str) -> list[Json]:
    value = result.get(key)
    value = [] if value is None else value
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise RequestError(f"ipam: {key} is not a list of objects: {json.dumps(value)[:_SHOWN]}")
    return value
