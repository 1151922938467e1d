"""Changes interfaces by rtnetlink: one request, one answer, and the kernel has done it.

Synchronous on purpose: a test inside an event loop calls it too, and when a call returns, what it
asked for has happened. Numbers: include/uapi/linux/{rtnetlink,if_link,veth}.h.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from netvsc_deviceplugin.kernel.netlink import attribute, messages
from sim.kernel.netns import within

_NEWLINK, _DELLINK, _SETLINK, _NEWADDR, _DELADDR, _NEWROUTE, _DELROUTE = 16, 17, 19, 20, 21, 24, 25
_REQUEST_ACK, _CREATE_EXCLUSIVE = 0x5, 0x600
_UP = 0x1
_ADDRESS, _IFNAME, _LINK, _MASTER, _LINKINFO, _IFALIAS, _NET_NS_FD = 1, 3, 5, 10, 18, 20, 28
_INFO_KIND, _INFO_DATA, _PEER = 1, 2, 1


class Rtnl:
    """One socket in one network namespace."""

    def __init__(self, netns: str) -> None:
        self._netns = netns
        self._socket = within(
            netns, lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._socket.close()

    def index(self, name: str) -> int:
        """Return an ifindex; raises LookupError where there is no interface of that name."""
        found = within(self._netns, lambda: _index(name))
        if not found:
            raise LookupError(f"{self._netns} has no interface {name}")
        return found

    def has(self, name: str) -> bool:
        with suppress(LookupError):
            return bool(self.index(name))
        return False

    def add_veth(self, name: str, *, mac: str, peer: str, peer_netns: str) -> int:
        with Path(f"/run/netns/{peer_netns}").open() as space:
            far = _link() + _text(_IFNAME, peer)
            far += attribute(_NET_NS_FD, struct.pack("=I", space.fileno()))
            data = attribute(_INFO_DATA, attribute(_PEER, far))
            info = attribute(_LINKINFO, _text(_INFO_KIND, "veth") + data)
            self._create(_text(_IFNAME, name) + _mac(mac) + info)
        return self.index(name)

    def add_stacked(self, name: str, *, kind: str, mac: str, lower: int | None = None) -> int:
        """Add a virtual interface: a bridge, or on `lower` a macvlan; it is down."""
        info = attribute(_LINKINFO, _text(_INFO_KIND, kind))
        below = attribute(_LINK, struct.pack("=I", lower)) if lower else b""
        self._create(_text(_IFNAME, name) + _mac(mac) + below + info)
        return self.index(name)

    def set_alias(self, index: int, alias: str) -> None:
        self._set(index, attribute(_IFALIAS, alias.encode()))

    def set_master(self, index: int, master: int) -> None:
        self._set(index, attribute(_MASTER, struct.pack("=I", master)))

    def rename(self, index: int, name: str) -> None:
        self._set(index, _text(_IFNAME, name))

    def move(self, index: int, netns: str, *, name: str) -> None:
        """Move into another netns and rename, in one request."""
        with Path(f"/run/netns/{netns}").open() as space:
            target = attribute(_NET_NS_FD, struct.pack("=I", space.fileno()))
            self._set(index, target + _text(_IFNAME, name))

    def up(self, index: int) -> None:
        self._request(_SETLINK, _link(index, flags=_UP, change=_UP))

    def down(self, index: int) -> None:
        self._request(_SETLINK, _link(index, change=_UP))

    def delete(self, index: int) -> None:
        self._request(_DELLINK, _link(index))

    def add_address(self, index: int, address: str) -> None:
        ip = ipaddress.ip_interface(address)
        family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
        raw = ip.packed
        head = struct.pack("=BBBBI", family, ip.network.prefixlen, 0x2, 0, index)  # IFA_F_NODAD
        body = head + attribute(2, raw) + attribute(1, raw)
        self._request(_NEWADDR, body, flags=_CREATE_EXCLUSIVE)

    def add_default_route(self, index: int, *, via: str | None = None, family: int = 4) -> None:
        self._request(_NEWROUTE, _route(index, via=via, family=family), flags=_CREATE_EXCLUSIVE)

    def add_route(self, index: int, destination: str) -> None:
        """Add a route to an IPv4 network or host, straight out of the interface."""
        network = ipaddress.ip_network(destination)
        head = struct.pack("=BBBBBBBBI", socket.AF_INET, network.prefixlen, 0, 0, 254, 3, 253, 1, 0)
        body = head + attribute(1, network.network_address.packed)
        self._request(_NEWROUTE, body + _oif(index), flags=_CREATE_EXCLUSIVE)

    def delete_default_route(self, index: int, *, family: int = 4) -> None:
        self._request(_DELROUTE, _route(index, via=None, family=family))

    def _create(self, attributes: bytes) -> None:
        self._request(_NEWLINK, _link() + attributes, flags=_CREATE_EXCLUSIVE)

    def _set(self, index: int, attributes: bytes) -> None:
        self._request(_SETLINK, _link(index) + attributes)

    def _request(self, kind: int, body: bytes, *, flags: int = 0) -> None:
        """Ask and wait for the answer; raises OSError with what the kernel says."""
        header = struct.pack("=IHHII", 16 + len(body), kind, _REQUEST_ACK | flags, 1, 0)
        self._socket.send(header + body)
        ((answer, _),) = messages(self._socket.recv(1 << 16))
        code = -struct.unpack_from("=i", answer.body)[0]
        if code:
            raise OSError(code, f"rtnetlink request {kind} in {self._netns}: {os.strerror(code)}")


def _link(index: int = 0, *, flags: int = 0, change: int = 0) -> bytes:
    return struct.pack("=BxHiII", 0, 0, index, flags, change)


def _route(index: int, *, via: str | None, family: int) -> bytes:
    kind, scope = (socket.AF_INET, 0 if via else 253) if family == 4 else (socket.AF_INET6, 0)
    body = struct.pack("=BBBBBBBBI", kind, 0, 0, 0, 254, 3, scope, 1, 0)
    if via:
        body += attribute(5, ipaddress.ip_address(via).packed)
    else:
        metric = 500 + index  # beside the uplink's own, and beside another one of these
        body += attribute(6, struct.pack("=I", metric))
    return body + _oif(index)


def _oif(index: int) -> bytes:
    return attribute(4, struct.pack("=I", index))


def _text(kind: int, value: str) -> bytes:
    return attribute(kind, value.encode() + b"\0")


def _mac(mac: str) -> bytes:
    return attribute(_ADDRESS, bytes.fromhex(mac.replace(":", "")))


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0
