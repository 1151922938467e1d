"""rtnetlink requests, as pyroute2's message classes write them: our one door to that library.

Importing them takes some 35 ms and 2.5 MiB, so that happens when the first request is written, or
before that in `load`. docs/decisions/0013 tells why its classes are used and not its sockets.
"""

from __future__ import annotations

import importlib.util
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from netvsc_deviceplugin.kernel.requests.route import Interface, Route

IFF_UP, IFF_PROMISC = 0x1, 0x100  # include/uapi/linux/if.h
_TC_H_INGRESS = 0xFFFFFFF1  # include/uapi/linux/pkt_sched.h; the library has it in a plugin alone
_TABLE_MAX, _TABLE_COMPAT = 0xFF, 252  # what the header's byte says of a table that has more
_WITH_BROADCAST = 30  # bits of an IPv4 prefix that still leaves an address for it
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}

_loading = threading.Lock()

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


def load() -> _Library:
    """Import the library: from a thread, so that nothing waits for it later.

    Of several threads that want it at once one imports it, and the others wait for that.
    """
    with _loading:
        return _loaded()


@cache
def _loaded() -> _Library:
    with _without_init("pyroute2"):
        from pyroute2 import netlink  # noqa: PLC0415 - see above
        from pyroute2.netlink import rtnl  # noqa: PLC0415
        from pyroute2.netlink.rtnl import ifaddrmsg, ifinfmsg, rtmsg, tcmsg  # noqa: PLC0415

    return _Library(
        netlink=netlink, rtnl=rtnl, address=ifaddrmsg, link=ifinfmsg, route=rtmsg, tc=tcmsg
    )


@contextmanager
def _without_init(package: str) -> Iterator[None]:
    """Let modules of a package be imported without its `__init__`, and leave no half package.

    pyroute2's imports all of it: a database, unittest, 8 MiB, and sqlite3, which our images lack.
    """
    spec = None if package in sys.modules else importlib.util.find_spec(package)
    if not spec:
        yield
        return
    sys.modules[package] = importlib.util.module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[package]


def link(ifindex: int, *attributes: Attribute, on: int = 0, off: int = 0) -> bytes:
    """Write a change of an interface; `on` and `off` are flags of it."""
    fields = {"index": ifindex, "flags": on, "change": on | off}
    return _written(load().link.ifinfmsg(), "RTM_SETLINK", fields, *attributes)


def without_xdp(ifindex: int) -> list[bytes]:
    """Write what takes XDP programs off: one request for each mode that a driver may have."""
    lib = load().link
    modes = (lib.XDP_FLAGS_SKB_MODE, lib.XDP_FLAGS_DRV_MODE, lib.XDP_FLAGS_HW_MODE)
    nones = ({"attrs": [("IFLA_XDP_FD", -1), ("IFLA_XDP_FLAGS", mode)]} for mode in modes)
    return [link(ifindex, ("IFLA_XDP", none)) for none in nones]


def altname(ifindex: int, name: str, *, there: bool) -> bytes:
    """Write that an interface shall have an altname, or shall not."""
    kind = "RTM_NEWLINKPROP" if there else "RTM_DELLINKPROP"
    listed = {"attrs": [("IFLA_ALT_IFNAME", name)]}
    return _written(load().link.ifinfmsg(), kind, {"index": ifindex}, ("IFLA_PROP_LIST", listed))


def without_ingress(ifindex: int) -> bytes:
    """Write what removes the ingress qdisc and all that hangs on it."""
    fields = {"index": ifindex, "parent": _TC_H_INGRESS}
    return _written(load().tc.tcmsg(), "RTM_DELQDISC", fields)


def address(ifindex: int, interface: Interface) -> bytes:
    """Write an address, without the seconds of duplicate detection."""
    lib = load()
    fields = {
        "family": _FAMILIES[interface.version],
        "prefixlen": interface.network.prefixlen,
        "flags": lib.address.IFA_F_NODAD,
        "index": ifindex,
    }
    attributes = [("IFA_LOCAL", str(interface.ip)), ("IFA_ADDRESS", str(interface.ip))]
    if interface.version == 4 and interface.network.prefixlen <= _WITH_BROADCAST:
        attributes.append(("IFA_BROADCAST", str(interface.network.broadcast_address)))
    flags = lib.netlink.NLM_F_CREATE | lib.netlink.NLM_F_REPLACE
    return _written(lib.address.ifaddrmsg(), "RTM_NEWADDR", fields, *attributes, flags=flags)


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
