"""Network interfaces as the kernel tells of them, and what stands on what.

Attributes: include/uapi/linux/if_link.h.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from netvsc_deviceplugin.kernel import netlink
from netvsc_deviceplugin.kernel.addresses import NicAddresses

ETHERNET = 1  # ARPHRD_ETHER
LOOPBACK = 0x8  # IFF_LOOPBACK
_IFADDR = struct.Struct("=BBBBI")
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER = 1, 3, 4, 5, 10
_IFLA_LINKINFO, _IFLA_IFALIAS, _IFLA_EXT_MASK, _IFLA_LINK_NETNSID = 18, 20, 29, 37
_IFLA_NEW_NETNSID, _IFLA_PERM_ADDRESS = 45, 54
_IFLA_PARENT_DEV_NAME, _IFLA_PARENT_DEV_BUS_NAME = 56, 57
_INFO_KIND = 1
_SKIP_STATS = 0x8  # RTEXT_FILTER_SKIP_STATS
_IFA_ADDRESS, _IFA_LOCAL = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One interface. `netns` is None in the agent's own.

    `mac` is the permanent one of a driver's own netdev: the other may be changed by whoever
    administers the netns that it is in, and `wears` tells that one. `kind` is empty for a driver's
    own netdev; `lower` is the interface below it in the same netns (a VLAN's, a macvlan's),
    `master` the one above (a bridge, a bond, a VF's NetVSC).
    `addresses` carry their prefix; link-local IPv6 ones, which every NIC has, are left out.
    `gateways` are those of the default routes over it. `azure` is what Azure says of it.
    """

    ifindex: int
    name: str
    mac: str
    netns: str | None = None
    kind: str = ""
    type: int = ETHERNET
    flags: int = 0
    mtu: int = 1500
    master: int | None = None
    lower: int | None = None
    parent_bus: str | None = None
    parent: str | None = None
    alias: str = ""
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    wears: str = ""
    azure: NicAddresses = field(default_factory=NicAddresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEvent:
    """What one link message says at once: the link, whether it went, and whether it only moved."""

    link: Link
    gone: bool
    moved: bool


def read_links() -> tuple[Link, ...]:
    """Return all interfaces of the calling thread's netns with their addresses."""
    mask = netlink.attribute(_IFLA_EXT_MASK, struct.pack("=I", _SKIP_STATS))
    found = netlink.dump(netlink.RTM_GETLINK, netlink.EVERY_LINK + mask)
    addresses = read_addresses()
    links = (parse_link(message.body) for message in found)
    return tuple(replace(k, addresses=tuple(addresses[k.ifindex])) for k in links)


def parse_event(message: netlink.Message) -> LinkEvent | None:
    """Return what a message of group RTNLGRP_LINK tells; None for any other message."""
    if message.type not in {netlink.RTM_NEWLINK, netlink.RTM_DELLINK}:
        return None
    moved = _IFLA_NEW_NETNSID in netlink.attributes(message.body, netlink.IFINFO.size)
    gone = message.type == netlink.RTM_DELLINK
    return LinkEvent(link=parse_link(message.body), gone=gone, moved=moved)


def parse_link(body: bytes) -> Link:
    """Read the body of one RTM_NEWLINK or RTM_DELLINK."""
    _, kind, ifindex, flags, _ = netlink.fields(netlink.IFINFO, body)
    found = netlink.attributes(body, netlink.IFINFO.size)
    info = netlink.attributes(found.get(_IFLA_LINKINFO, b""), 0)
    elsewhere = _IFLA_LINK_NETNSID in found
    kind_name = netlink.text(info.get(_INFO_KIND, b""))
    return Link(
        ifindex=ifindex,
        name=netlink.text(found.get(_IFLA_IFNAME, b"")),
        mac=_mac(found, driver=not kind_name),
        wears=found.get(_IFLA_ADDRESS, b"").hex(":"),
        kind=kind_name,
        type=kind,
        flags=flags,
        mtu=netlink.number(found.get(_IFLA_MTU, b"\0\0\0\0")),
        master=_index(found.get(_IFLA_MASTER)),
        lower=None if elsewhere else _index(found.get(_IFLA_LINK)),
        parent_bus=_text(found.get(_IFLA_PARENT_DEV_BUS_NAME)),
        parent=_text(found.get(_IFLA_PARENT_DEV_NAME)),
        alias=netlink.text(found.get(_IFLA_IFALIAS, b"")),
    )


def above(links: Iterable[Link], start: Iterable[int]) -> frozenset[int]:
    """Return `start` and every interface stacked on it: bridges, bonds, VLANs, macvlans.

    An Open vSwitch port's frames may leave by any internal port of the datapath, and the kernel
    does not tell by which: all ports of the datapath count. A veth's peer stands on nothing.
    """
    uppers: dict[int, set[int]] = defaultdict(set)
    switched = set()
    for link in links:
        if link.master:
            uppers[link.ifindex].add(link.master)
        if link.lower and link.kind != "veth":
            uppers[link.lower].add(link.ifindex)
        if link.kind == "openvswitch":
            switched.add(link.ifindex)
    for port in switched:
        uppers[port] |= switched
    found: set[int] = set()
    waiting = list(start)
    while waiting:
        ifindex = waiting.pop()
        if ifindex not in found:
            found.add(ifindex)
            waiting += uppers[ifindex]
    return frozenset(found)


def read_addresses() -> defaultdict[int, list[str]]:
    """Return the addresses of the calling thread's netns by ifindex, link-local ones left out."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for message in netlink.dump(netlink.RTM_GETADDR, _IFADDR.pack(0, 0, 0, 0, 0)):
        if address := parse_address(message.body):
            found[address[0]].append(address[1])
    return found


def parse_address(body: bytes) -> tuple[int, str] | None:
    """Read the body of one RTM_NEWADDR: ifindex and address; None for a link-local one."""
    _, prefix, _, _, ifindex = netlink.fields(_IFADDR, body)
    values = netlink.attributes(body, _IFADDR.size)
    raw = values.get(_IFA_LOCAL) or values.get(_IFA_ADDRESS)
    if not raw or (address := netlink.ip(raw)).is_link_local:
        return None
    return ifindex, f"{address}/{prefix}"


def _mac(found: Mapping[int, bytes], *, driver: bool) -> str:
    permanent = found.get(_IFLA_PERM_ADDRESS, b"") if driver else b""
    return (permanent if any(permanent) else found.get(_IFLA_ADDRESS, b"")).hex(":")


def _index(value: bytes | None) -> int | None:
    return (netlink.number(value) or None) if value else None


def _text(value: bytes | None) -> str | None:
    return netlink.text(value) if value else None
