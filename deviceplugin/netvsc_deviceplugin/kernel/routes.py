"""Default routes: what makes an interface the node's uplink (rtnetlink(7), RTM_GETROUTE)."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from netvsc_deviceplugin.kernel import netlink

_RTMSG = struct.Struct("=BBBBBBBBI")
_NEXTHOP = struct.Struct("=HBBi")
_NHMSG = struct.Struct("=BBBBI")
_GROUP_MEMBER = struct.Struct("=IBBH")
_RTA_OIF, _RTA_GATEWAY, _RTA_MULTIPATH, _RTA_TABLE, _RTA_VIA, _RTA_NH_ID = 4, 5, 9, 15, 18, 30
_NHA_ID, _NHA_GROUP, _NHA_OIF, _NHA_GATEWAY = 1, 2, 5, 6
_UNICAST = 1

_Way = tuple[int, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultRoute:
    """One way out of a default route. `family` is 4 or 6; any routing table counts.

    `via` is the gateway, None for a route straight out of the interface.
    """

    ifindex: int
    family: int
    table: int = 254
    via: str | None = None


def read_default_routes() -> tuple[DefaultRoute, ...]:
    """Return the default routes of the calling thread's netns, each next hop of each."""
    found = []
    for family in (socket.AF_INET, socket.AF_INET6):
        request = _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
        for message in netlink.dump(netlink.RTM_GETROUTE, request):
            found += parse_default_route(message.body)
    return tuple(found)


def is_default(message: netlink.Message) -> bool:
    """Tell whether a route message is about a default route; all others are no reason to look."""
    return netlink.fields(_RTMSG, message.body)[1] == 0  # rtm_dst_len


def parse_default_route(body: bytes) -> list[DefaultRoute]:
    """Return the next hops of one RTM_NEWROUTE, none if it is no unicast default route."""
    family, length, _, _, table, _, _, kind, _ = netlink.fields(_RTMSG, body)
    if length or kind != _UNICAST:
        return []
    values = netlink.attributes(body, _RTMSG.size)
    if _RTA_TABLE in values:
        table = netlink.number(values[_RTA_TABLE])
    version = 4 if family == socket.AF_INET else 6
    return [
        DefaultRoute(ifindex=ifindex, family=version, table=table, via=via)
        for ifindex, via in _ways_out(values)
    ]


def _ways_out(values: dict[int, bytes]) -> Iterator[_Way]:
    if _RTA_OIF in values:
        yield netlink.number(values[_RTA_OIF]), _gateway(values)
    elif _RTA_MULTIPATH in values:
        yield from _hops(values[_RTA_MULTIPATH])
    elif _RTA_NH_ID in values:
        yield from _nexthop_object(netlink.number(values[_RTA_NH_ID]))


def _hops(value: bytes) -> Iterator[_Way]:
    offset = 0
    while offset + _NEXTHOP.size <= len(value):
        length, _, _, ifindex = _NEXTHOP.unpack_from(value, offset)
        if length < _NEXTHOP.size:
            return
        hop = netlink.attributes(value[offset : offset + length], _NEXTHOP.size)
        yield ifindex, _gateway(hop)
        offset += (length + 3) & ~3


def _gateway(values: dict[int, bytes]) -> str | None:
    """Return the gateway of a route or a hop; RTA_VIA has the address behind its family."""
    raw = values.get(_RTA_GATEWAY) or values.get(_RTA_VIA, b"")[2:]
    return _address(raw)


def _address(raw: bytes) -> str | None:
    return str(ipaddress.ip_address(raw)) if len(raw) in {4, 16} else None


def _nexthop_object(wanted: int) -> Iterator[_Way]:
    """Follow a nexthop object, single or group: all a route names with nexthop_compat_mode off."""
    out: dict[int, _Way] = {}
    groups: dict[int, bytes] = {}
    for message in netlink.dump(netlink.RTM_GETNEXTHOP, _NHMSG.pack(0, 0, 0, 0, 0)):
        values = netlink.attributes(message.body, _NHMSG.size)
        key = netlink.number(values.get(_NHA_ID, b""))
        if _NHA_OIF in values:
            via = _address(values.get(_NHA_GATEWAY, b""))
            out[key] = netlink.number(values[_NHA_OIF]), via
        if _NHA_GROUP in values:
            groups[key] = values[_NHA_GROUP]
    members = list(_members(groups.get(wanted, b"")))
    yield from (out[key] for key in members or [wanted] if key in out)


def _members(group: bytes) -> Iterator[int]:
    for start in range(0, len(group), _GROUP_MEMBER.size):
        yield netlink.fields(_GROUP_MEMBER, group[start:])[0]
