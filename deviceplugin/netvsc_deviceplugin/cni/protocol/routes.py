"""A route as a CNI result writes it (specification 1.1.0, section 5), checked. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from netvsc.errors import RequestError
from netvsc_deviceplugin.kernel.requests.route import (
    LINK,
    MAIN,
    UNIVERSE,
    Address,
    Interface,
    Network,
    Route,
)

Json = Mapping[str, object]

_KNOWN = {"dst", "gw", "mtu", "advmss", "priority", "table", "scope"}
_U32, _U8 = 0xFFFFFFFF, 0xFF


def route_of(entry: Json, *, gateways: Mapping[int, Address]) -> Route:
    """Return what a `routes` entry asks for; raises RequestError for what it cannot have.

    Without `gw` it goes over the gateway of its family, where `gateways` has one.
    """
    if strange := sorted(entry.keys() - _KNOWN):
        raise RequestError(
            f"ipam: route {entry.get('dst')}: {', '.join(strange)} is not known here: a route has "
            f"{', '.join(sorted(_KNOWN))}"
        )
    to = _network(entry)
    via = _via(entry, to, gateways)
    return Route(
        to=to,
        via=via,
        table=_table(entry),
        priority=_number(entry, "priority", most=_U32) or 0,
        scope=_scope(entry, to, via),
        metrics={
            name: size for name in ("mtu", "advmss") if (size := _number(entry, name, most=_U32))
        },
    )


def gateways_of(ips: list[Json]) -> Mapping[int, Address]:
    """Return by family the first gateway that `ips` entries name, as the standard plugins do."""
    found: dict[int, Address] = {}
    for one in ips:
        if text := one.get("gateway"):
            gateway = _address(text, "gateway")
            found.setdefault(gateway.version, gateway)
    return found


def address_of(entry: Json) -> Interface:
    """Return the address of an `ips` entry; raises RequestError."""
    return _prefixed(entry.get("address"), "ips: address", "an address: write 10.0.0.5/24")


def _scope(entry: Json, to: Network, via: Address | None) -> int:
    """Return it, or what ip-route(8) takes by itself. The kernel ignores that of an IPv6 route."""
    scope = _number(entry, "scope", most=_U8)
    if to.version == 6:
        if scope:
            raise RequestError(f"ipam: route {to}: scope {scope}: IPv6 routes have none; omit it")
        return UNIVERSE
    if scope is not None:
        return scope
    return UNIVERSE if via else LINK


def _network(entry: Json) -> Network:
    text = entry.get("dst")
    found = _prefixed(text, "routes: dst", "a network: write 10.0.0.0/8")
    if found.ip != found.network.network_address:
        raise RequestError(
            f"ipam: routes: dst {text!r} is not a network, it has host bits: write {found.network}"
        )
    return found.network


def _prefixed(text: object, what: str, wanted: str) -> Interface:
    """Return an address with its prefix; without one, the runtime would not read the result."""
    try:
        found = ipaddress.ip_interface(_without_zone(text))
    except ValueError:
        raise RequestError(f"ipam: {what} {text!r} is not {wanted}") from None
    if not str(text).partition("/")[2].isdecimal():
        raise RequestError(f"ipam: {what} {text!r} has no prefix: write {found}")
    return found


def _via(entry: Json, to: Network, gateways: Mapping[int, Address]) -> Address | None:
    """Return the next hop: none for a gateway itself, and none where the scope leaves no room."""
    via = _gateway(entry, to)
    if not via:
        scope, via = entry.get("scope"), gateways.get(to.version)
        near = to.version == 4 and isinstance(scope, int) and scope >= LINK
        if near or (via and to == ipaddress.ip_network(via)):
            return None
    return None if via and via.is_unspecified else via


def _gateway(entry: Json, to: Network) -> Address | None:
    text = entry.get("gw")
    if not text:
        return None
    gateway = _address(text, "gw")
    if gateway.version != to.version:
        raise RequestError(f"ipam: route {to}: gw {gateway} is of another family")
    return gateway


def _address(text: object, key: str) -> Address:
    try:
        return ipaddress.ip_address(_without_zone(text))
    except ValueError:
        raise RequestError(f"ipam: {key} {text!r} is not an address: write 10.0.0.1") from None


def _without_zone(value: object) -> str:
    """Return a text; raises ValueError where it names an interface, of whatever netns."""
    text = str(value)
    if "%" in text:
        raise ValueError(text)
    return text


def _table(entry: Json) -> int:
    """Return the routing table; 0 is the kernel's word for none in particular."""
    return _number(entry, "table", most=_U32) or MAIN


def _number(entry: Json, key: str, *, most: int) -> int | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise RequestError(
            f"ipam: route {entry.get('dst')}: {key} {value!r}: write a number from 0 to {most}"
        )
    return value
