"""Configures in a pod what an IPAM plugin gave: addresses, then routes."""

from __future__ import annotations

from collections.abc import Mapping

from netvsc_deviceplugin.cni.rtnl import Rtnl
from netvsc_deviceplugin.cni.space import Space

Json = Mapping[str, object]


def configure(netns: str, ifindex: int, given: Json) -> None:
    """Raise NodeError if the netns is gone or the kernel refuses."""
    with Space.at(netns) as space, Rtnl(space) as rtnl:
        for address in _objects(given, "ips"):
            rtnl.add_address(ifindex, str(address["address"]))
        for route in _objects(given, "routes"):
            via = route.get("gw")
            rtnl.add_route(ifindex, str(route["dst"]), via=str(via) if via else None)


def _objects(given: Json, key: str) -> list[Json]:
    value = given.get(key)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
