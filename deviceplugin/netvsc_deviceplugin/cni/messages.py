"""rtnetlink requests, as pyroute2's message classes write them: our one door to that library.

Importing it takes some 80 ms and 11 MiB, so that happens when the first request is written, or
before that in `load`. docs/decisions/0013 tells why its classes are used and not its sockets.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from netvsc_deviceplugin.cni.route import Interface, Route

_TC_H_INGRESS = 0xFFFFFFF1  # include/uapi/linux/pkt_sched.h; the library has it in a plugin alone
_TABLE_MAX, _TABLE_COMPAT = 0xFF, 252  # what the header's byte says of a table that has more
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}

Attribute = tuple[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Library:
    """The modules that are used of pyroute2; none of them carries types."""

    netlink: Any
    rtnl: Any
    address: Any
    link: Any
    route: Any
    tc: Any


@cache
def load() -> _Library:
    """Import the library: from a thread, so that nothing waits for it later."""
    from pyroute2 import netlink  # noqa: PLC0415 - see above
    from pyroute2.netlink import rtnl  # noqa: PLC0415
    from pyroute2.netlink.rtnl import ifaddrmsg, ifinfmsg, rtmsg, tcmsg  # noqa: PLC0415

    return _Library(
        netlink=netlink, rtnl=rtnl, address=ifaddrmsg, link=ifinfmsg, route=rtmsg, tc=tcmsg
    )


def up(ifindex: int) -> bytes:
    flag = load().link.IFF_UP
    return _link({"index": ifindex, "flags": flag, "change": flag})


def down(ifindex: int) -> bytes:
    return _link({"index": ifindex, "change": load().link.IFF_UP})


def not_promiscuous(ifindex: int) -> bytes:
    return _link({"index": ifindex, "change": load().link.IFF_PROMISC})


def move(ifindex: int, *, netns: int, name: str) -> bytes:
    """Write a move into the netns of that descriptor, and a rename on the way."""
    return _link({"index": ifindex}, ("IFLA_NET_NS_FD", netns), ("IFLA_IFNAME", name))


def rename(ifindex: int, name: str) -> bytes:
    return _link({"index": ifindex}, ("IFLA_IFNAME", name))


def mtu(ifindex: int, size: int) -> bytes:
    return _link({"index": ifindex}, ("IFLA_MTU", size))


def mac(ifindex: int, address: str) -> bytes:
    return _link({"index": ifindex}, ("IFLA_ADDRESS", address))


def without_xdp(ifindex: int) -> list[bytes]:
    """Write what takes XDP programs off: one request for each mode that a driver may have."""
    link = load().link
    modes = (link.XDP_FLAGS_SKB_MODE, link.XDP_FLAGS_DRV_MODE, link.XDP_FLAGS_HW_MODE)
    nones = ({"attrs": [("IFLA_XDP_FD", -1), ("IFLA_XDP_FLAGS", mode)]} for mode in modes)
    return [_link({"index": ifindex}, ("IFLA_XDP", none)) for none in nones]


def add_altname(ifindex: int, name: str) -> bytes:
    return _altname("RTM_NEWLINKPROP", ifindex, name)


def drop_altname(ifindex: int, name: str) -> bytes:
    return _altname("RTM_DELLINKPROP", ifindex, name)


def without_ingress(ifindex: int) -> bytes:
    """Write what removes the ingress qdisc and all that hangs on it."""
    fields = {"index": ifindex, "parent": _TC_H_INGRESS}
    return _written(load().tc.tcmsg(), "RTM_DELQDISC", fields)


def address(ifindex: int, given: Interface) -> bytes:
    """Write an address, without the seconds of duplicate detection."""
    lib = load()
    fields = {
        "family": _FAMILIES[given.version],
        "prefixlen": given.network.prefixlen,
        "flags": lib.address.IFA_F_NODAD,
        "index": ifindex,
    }
    both = ("IFA_LOCAL", str(given.ip)), ("IFA_ADDRESS", str(given.ip))
    flags = lib.netlink.NLM_F_CREATE | lib.netlink.NLM_F_REPLACE
    return _written(lib.address.ifaddrmsg(), "RTM_NEWADDR", fields, *both, flags=flags)


def route(ifindex: int, wanted: Route) -> bytes:
    """Write a route that is refused (EEXIST) where the table has one for the same already."""
    lib = load()
    fields = {
        "family": _FAMILIES[wanted.to.version],
        "dst_len": wanted.to.prefixlen,
        "table": wanted.table if wanted.table <= _TABLE_MAX else _TABLE_COMPAT,
        "proto": lib.rtnl.rt_proto["boot"],
        "scope": wanted.scope,
        "type": lib.rtnl.rt_type["unicast"],
    }
    metrics = [(f"RTAX_{name.upper()}", value) for name, value in wanted.metrics.items()]
    attributes: list[Attribute] = [
        ("RTA_DST", str(wanted.to.network_address)),
        ("RTA_OIF", ifindex),
        ("RTA_TABLE", wanted.table),
        *([("RTA_GATEWAY", str(wanted.via))] if wanted.via else []),
        *([("RTA_PRIORITY", wanted.priority)] if wanted.priority else []),
        *([("RTA_METRICS", {"attrs": metrics})] if metrics else []),
    ]
    flags = lib.netlink.NLM_F_CREATE | lib.netlink.NLM_F_EXCL
    return _written(lib.route.rtmsg(), "RTM_NEWROUTE", fields, *attributes, flags=flags)


def _link(fields: Mapping[str, int], *attributes: Attribute) -> bytes:
    return _written(load().link.ifinfmsg(), "RTM_SETLINK", fields, *attributes)


def _altname(kind: str, ifindex: int, name: str) -> bytes:
    listed = {"attrs": [("IFLA_ALT_IFNAME", name)]}
    return _written(load().link.ifinfmsg(), kind, {"index": ifindex}, ("IFLA_PROP_LIST", listed))


def _written(
    message: Any, kind: str, fields: Mapping[str, int], *attributes: Attribute, flags: int = 0
) -> bytes:
    lib = load()
    message["header"] = {
        "type": getattr(lib.rtnl, kind),
        "flags": lib.netlink.NLM_F_REQUEST | lib.netlink.NLM_F_ACK | flags,
        "sequence_number": 1,
    }
    message.update(fields)
    message["attrs"] = list(attributes)
    message.encode()
    return bytes(message.data)
