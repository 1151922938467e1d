"""Changes interfaces by rtnetlink, by ifindex: one request, one answer, and it has happened.

Numbers: include/uapi/linux/{rtnetlink,if_link,pkt_sched}.h. docs/decisions/0005 tells why this is
no library.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from netvsc.errors import NodeError
from netvsc_deviceplugin.cni.space import Space
from netvsc_deviceplugin.netlink import (
    Message,
    attribute,
    dump,
    error_of,
    messages,
    route_socket,
)

_SETLINK, _NEWADDR, _NEWROUTE, _DELQDISC, _NEWLINKPROP, _DELLINKPROP = 19, 20, 24, 37, 108, 109
_REQUEST_ACK, _CREATE, _REPLACE = 0x5, 0x400, 0x100
_UP, _PROMISC = 0x1, 0x100
_ADDRESS, _IFNAME, _MTU, _NET_NS_FD, _XDP, _PROP_LIST, _ALT_IFNAME = 1, 3, 4, 28, 43, 52, 53
_XDP_FD, _XDP_FLAGS, _XDP_MODES = 1, 3, (0x2, 0x4, 0x8)  # generic, the driver's, the hardware's
_NESTED = 0x8000
_TC_H_INGRESS = 0xFFFFFFF1
_IFA_LOCAL, _IFA_ADDRESS, _IFA_F_NODAD = 2, 1, 0x2
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_MAIN, _BOOT, _UNICAST, _UNIVERSE, _LINK_SCOPE = 254, 3, 1, 0, 253
_HEADER = struct.Struct("=IHHII")
_IFINFO = struct.Struct("=BxHiII")
_RECEIVE = 1 << 16


class RefusedError(NodeError):
    """The kernel refused a request; `code` is its errno."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code

    @property
    def look_again(self) -> bool:
        """Tell whether the world moved on meanwhile: the kernel brought, renamed or removed it."""
        return self.code in {errno.ENODEV, errno.EEXIST}


class Rtnl:
    """One socket in one network namespace; every method raises RefusedError."""

    def __init__(self, space: Space) -> None:
        self._place = space.name or "the host"
        self._socket = space.within(route_socket)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def dump(self, kind: int, body: bytes) -> list[Message]:
        return dump(kind, body, sock=self._socket)

    def move(self, ifindex: int, *, to: Space, name: str) -> None:
        """Move and rename in one request: under its present name it might collide over there."""
        target = attribute(_NET_NS_FD, struct.pack("=I", to.fd))
        self._set(f"move it to {to.name or 'the host'} as {name}", ifindex, target + _name(name))

    def rename(self, ifindex: int, name: str) -> None:
        """Rename; older kernels refuse that (EBUSY) while it is up, so it is down meanwhile."""
        try:
            self._set(f"rename it to {name}", ifindex, _name(name))
        except RefusedError as refused:
            if refused.code != errno.EBUSY:
                raise
            self._flags(ifindex, 0, _UP)
            self._set(f"rename it to {name}", ifindex, _name(name))
            self.up(ifindex)

    def up(self, ifindex: int) -> None:
        self._flags(ifindex, _UP, _UP)

    def set_mtu(self, ifindex: int, mtu: int) -> None:
        self._set(f"set its MTU to {mtu}", ifindex, attribute(_MTU, struct.pack("=I", mtu)))

    def add_altname(self, ifindex: int, name: str) -> None:
        """Add an altname; one that it has already is fine."""
        self._property(_NEWLINKPROP, ifindex, name, fine=errno.EEXIST)

    def drop_altname(self, ifindex: int, name: str) -> None:
        """Remove an altname; one that is not there is fine."""
        self._property(_DELLINKPROP, ifindex, name, fine=errno.ENOENT)

    def clean(self, ifindex: int) -> None:
        """Take off what a pod leaves on its interfaces and a move does not.

        Fail-safe's tap leaves the ingress qdisc and promiscuity on its remote. Without a qdisc the
        kernel answers ENOENT or EINVAL (net/sched/sch_api.c, tc_get_qdisc). An XDP program would
        see the next pod's frames; a mode that a driver does not know is refused, each in its way.
        """
        body = struct.pack("=BxxxiIII", socket.AF_UNSPEC, ifindex, 0, _TC_H_INGRESS, 0)
        with _fine(errno.ENOENT, errno.EINVAL):
            self._request("remove its ingress qdisc", _DELQDISC, ifindex, body)
        self._flags(ifindex, 0, _PROMISC)
        for mode in _XDP_MODES:
            none = attribute(_XDP_FD, struct.pack("=i", -1))
            none += attribute(_XDP_FLAGS, struct.pack("=I", mode))
            with _fine(errno.EOPNOTSUPP, errno.EINVAL, errno.EBUSY):
                self._set("take its XDP program off", ifindex, attribute(_XDP | _NESTED, none))

    def set_address(self, ifindex: int, mac: str) -> None:
        """Give it its own MAC address back; raises RefusedError where the host forbids changes."""
        raw = bytes.fromhex(mac.replace(":", ""))
        self._set(f"give it the MAC address {mac}", ifindex, attribute(_ADDRESS, raw))

    def add_address(self, ifindex: int, address: str) -> None:
        ip = ipaddress.ip_interface(address)
        family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
        head = struct.pack("=BBBBI", family, ip.network.prefixlen, _IFA_F_NODAD, 0, ifindex)
        raw = ip.packed
        body = head + attribute(_IFA_LOCAL, raw) + attribute(_IFA_ADDRESS, raw)
        self._request(f"give it {address}", _NEWADDR, ifindex, body, flags=_CREATE | _REPLACE)

    def add_route(self, ifindex: int, destination: str, *, via: str | None) -> None:
        network = ipaddress.ip_network(destination)
        family = socket.AF_INET if network.version == 4 else socket.AF_INET6
        scope = _UNIVERSE if via else _LINK_SCOPE
        fixed = (family, network.prefixlen, 0, 0, _MAIN, _BOOT, scope, _UNICAST, 0)
        body = struct.pack("=BBBBBBBBI", *fixed)
        body += attribute(_RTA_DST, network.network_address.packed)
        body += attribute(_RTA_OIF, struct.pack("=I", ifindex))
        if via:
            body += attribute(_RTA_GATEWAY, ipaddress.ip_address(via).packed)
        what = f"route {destination} over it"
        self._request(what, _NEWROUTE, ifindex, body, flags=_CREATE | _REPLACE)

    def _property(self, kind: int, ifindex: int, name: str, *, fine: int) -> None:
        listed = attribute(_PROP_LIST | _NESTED, attribute(_ALT_IFNAME, name.encode() + b"\0"))
        body = _IFINFO.pack(0, 0, ifindex, 0, 0) + listed
        verb = "add" if kind == _NEWLINKPROP else "remove"
        with _fine(fine):
            self._request(f"{verb} its altname {name}", kind, ifindex, body)

    def _flags(self, ifindex: int, flags: int, change: int) -> None:
        what = f"set its flags {flags:#x} of {change:#x}"
        self._request(what, _SETLINK, ifindex, _IFINFO.pack(0, 0, ifindex, flags, change))

    def _set(self, what: str, ifindex: int, attributes: bytes) -> None:
        self._request(what, _SETLINK, ifindex, _IFINFO.pack(0, 0, ifindex, 0, 0) + attributes)

    def _request(self, what: str, kind: int, ifindex: int, body: bytes, *, flags: int = 0) -> None:
        length = _HEADER.size + len(body)
        self._socket.send(_HEADER.pack(length, kind, _REQUEST_ACK | flags, 1, 0) + body)
        code = error_of(b"".join(one.body for one, _ in messages(self._socket.recv(_RECEIVE))))
        if code:
            thing = f"interface {ifindex} of {self._place}"
            raise RefusedError(f"{thing}: cannot {what}: {os.strerror(code)}", code)


@contextmanager
def _fine(*codes: int) -> Iterator[None]:
    """Pass over a refusal with one of `codes`."""
    try:
        yield
    except RefusedError as refused:
        if refused.code not in codes:
            raise


def _name(name: str) -> bytes:
    return attribute(_IFNAME, name.encode() + b"\0")
