"""A route as a CNI result writes it (specification 1.1.0, section 5), checked. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from netvsc.errors import RequestError

Json = Mapping[str, object]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

MAIN = 254  # RT_TABLE_MAIN, include/uapi/linux/rtnetlink.h
_UNIVERSE, LINK = 0, 253  # RT_SCOPE_*: anywhere, and no gateway from here on
_KNOWN = {"dst", "gw", "mtu", "advmss", "priority", "table", "scope"}
_U32, _U8 = 0xFFFFFFFF, 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`metrics` are mtu and advmss; a `priority` of 0 is the kernel's own (IPv6: 1024)."""

    to: Network
    via: Address | None = None
    table: int = MAIN
    priority: int = 0
    scope: int = _UNIVERSE
    metrics: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [str(self.to), f"via {self.via}" if self.via else ""]
        words.append(f"table {self.table}" if self.table != MAIN else "")
        words.append(f"priority {self.priority}" if self.priority else "")
        return " ".join(word for word in words if word)


def route_of(given: Json, *, gateways: Mapping[int, Address]) -> Route:
    """Return what a `routes` entry asks for; raises RequestError for what it cannot have.

    Without `gw` it goes over the gateway of its family, where `gateways` has one.
    """
    if strange := sorted(given.keys() - _KNOWN):
        raise RequestError(
            f"ipam: route {given.get('dst')}: {', '.join(strange)} is not known here: a route has "
            f"{', '.join(sorted(_KNOWN))}"
        )
    to = _network(given)
    via = _via(given, to, gateways)
    return Route(
        to=to,
        via=via,
        table=_table(given),
        priority=_number(given, "priority", most=_U32) or 0,
        scope=_scope(given, to, via),
        metrics={
            name: size for name in ("mtu", "advmss") if (size := _number(given, name, most=_U32))
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


def address_of(given: Json) -> Interface:
    """Return the address of an `ips` entry; raises RequestError."""
    return _prefixed(given.get("address"), "ips: address", "address: write 10.0.0.5/24")


def _scope(given: Json, to: Network, via: Address | None) -> int:
    """Return it, or what ip-route(8) takes by itself. The kernel ignores that of an IPv6 route."""
    scope = _number(given, "scope", most=_U8)
    if to.version == 6:
        if scope:
            raise RequestError(f"ipam: route {to}: scope {scope}: IPv6 routes have none; omit it")
        return _UNIVERSE
    if scope is not None:
        return scope
    return _UNIVERSE if via else LINK


def _network(given: Json) -> Network:
    text = given.get("dst")
    found = _prefixed(text, "routes: dst", "network: write 10.0.0.0/8")
    if found.ip != found.network.network_address:
        raise RequestError(
            f"ipam: routes: dst {text!r} is no network, it has host bits: write {found.network}"
        )
    return found.network


def _prefixed(text: object, what: str, wanted: str) -> Interface:
    """Return an address with its prefix; without one, the runtime would not read the result."""
    try:
        found = ipaddress.ip_interface(_without_zone(text))
    except ValueError:
        raise RequestError(f"ipam: {what} {text!r} is no {wanted}") from None
    if not str(text).partition("/")[2].isdecimal():
        raise RequestError(f"ipam: {what} {text!r} has no prefix: write {found}")
    return found


def _via(given: Json, to: Network, gateways: Mapping[int, Address]) -> Address | None:
    """Return the next hop: none for a gateway itself, and none where the scope leaves no room."""
    via = _gateway(given, to)
    if not via:
        scope, via = given.get("scope"), gateways.get(to.version)
        near = to.version == 4 and isinstance(scope, int) and scope >= LINK
        if near or (via and to == ipaddress.ip_network(via)):
            return None
    return None if via and via.is_unspecified else via


def _gateway(given: Json, to: Network) -> Address | None:
    text = given.get("gw")
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
        raise RequestError(f"ipam: {key} {text!r} is no address: write 10.0.0.1") from None


def _without_zone(value: object) -> str:
    """Return a text; raises ValueError where it names an interface, of whatever netns."""
    text = str(value)
    if "%" in text:
        raise ValueError(text)
    return text


def _table(given: Json) -> int:
    """Return the routing table; 0 is the kernel's word for none in particular."""
    return _number(given, "table", most=_U32) or MAIN


def _number(given: Json, key: str, *, most: int) -> int | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise RequestError(
            f"ipam: route {given.get('dst')}: {key} {value!r}: write a number from 0 to {most}"
        )
    return value
