"""Changes interfaces by rtnetlink, by ifindex: one request, one answer, and it has happened.

pyroute2 writes the requests (`messages`); the socket and the answer are ours: docs/decisions/0013.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from netvsc.errors import NodeError
from netvsc_deviceplugin.kernel import netlink
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.requests import messages
from netvsc_deviceplugin.kernel.requests.messages import IFF_PROMISC, IFF_UP, link
from netvsc_deviceplugin.kernel.requests.route import Interface, Route

_SOL_NETLINK, _EXT_ACK, _STRICT, _ACK_TLVS = 270, 11, 12, 0x200  # include/uapi/linux/netlink.h
_ERROR = struct.Struct("=iI")  # an errno, and how long the request is that comes back behind it
_SAID = 1  # NLMSGERR_ATTR_MSG
_RECEIVE = 1 << 16


class LinkRefusedError(NodeError):
    """The kernel refused a request; `code` is its errno."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code

    @property
    def look_again(self) -> bool:
        """Tell whether the node moved on meanwhile: the kernel brought, renamed or removed it."""
        return self.code in {errno.ENODEV, errno.EEXIST}


class Rtnl:
    """One socket in one network namespace; every method raises LinkRefusedError."""

    def __init__(self, ns: Netns) -> None:
        self._place = ns.name or "the host"
        self._socket = ns.run(_asking)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def dump(self, kind: int, body: bytes) -> list[netlink.Message]:
        return netlink.dump(kind, body, sock=self._socket)

    def filtered(self, kind: int, body: bytes) -> list[netlink.Message]:
        """Return of a table what `body` asks for; a kernel before 4.20 gives all of it."""
        with suppress(OSError):
            self._socket.setsockopt(_SOL_NETLINK, _STRICT, 1)
        try:
            return self.dump(kind, body)
        finally:
            with suppress(OSError):
                self._socket.setsockopt(_SOL_NETLINK, _STRICT, 0)

    def move(self, ifindex: int, *, to: Netns, name: str) -> None:
        """Move and rename in one request: under its present name it might collide over there."""
        request = link(ifindex, ("IFLA_NET_NS_FD", to.fd), ("IFLA_IFNAME", name))
        self._request(f"move it to {to.name or 'the host'} as {name}", ifindex, request)

    def rename(self, ifindex: int, name: str) -> None:
        """Rename; older kernels refuse that (EBUSY) while it is up, so it is down meanwhile."""
        what, request = f"rename it to {name}", link(ifindex, ("IFLA_IFNAME", name))
        try:
            self._request(what, ifindex, request)
        except LinkRefusedError as refused:
            if refused.code != errno.EBUSY:
                raise
            self._request("take it down", ifindex, link(ifindex, off=IFF_UP))
            self._request(what, ifindex, request)
            self.up(ifindex)

    def up(self, ifindex: int) -> None:
        self._request("bring it up", ifindex, link(ifindex, on=IFF_UP))

    def set_mtu(self, ifindex: int, mtu: int) -> None:
        self._request(f"set its MTU to {mtu}", ifindex, link(ifindex, ("IFLA_MTU", mtu)))

    def add_altname(self, ifindex: int, name: str) -> None:
        """Add an altname; one that it has already is fine."""
        with _fine(errno.EEXIST):
            what = f"add its altname {name}"
            self._request(what, ifindex, messages.altname(ifindex, name, there=True))

    def drop_altname(self, ifindex: int, name: str) -> None:
        """Remove an altname; one that is not there is fine."""
        with _fine(errno.ENOENT):
            what = f"remove its altname {name}"
            self._request(what, ifindex, messages.altname(ifindex, name, there=False))

    def clean(self, ifindex: int) -> None:
        """Take off what a pod leaves on its interfaces and a move does not.

        Fail-safe's tap leaves the ingress qdisc and promiscuity on its remote. Without a qdisc the
        kernel answers ENOENT or EINVAL (net/sched/sch_api.c, tc_get_qdisc). An XDP program would
        see the next pod's frames; a mode that a driver does not know is refused, each in its way.
        """
        with _fine(errno.ENOENT, errno.EINVAL):
            what = "remove its ingress qdisc"
            self._request(what, ifindex, messages.without_ingress(ifindex))
        self._request("take its promiscuity off", ifindex, link(ifindex, off=IFF_PROMISC))
        for request in messages.without_xdp(ifindex):
            with _fine(errno.EOPNOTSUPP, errno.EINVAL, errno.EBUSY):
                self._request("take its XDP program off", ifindex, request)

    def set_address(self, ifindex: int, mac: str) -> None:
        """Give it its own MAC address back; raises LinkRefusedError where the host forbids it."""
        request = link(ifindex, ("IFLA_ADDRESS", mac))
        self._request(f"give it the MAC address {mac}", ifindex, request)

    def add_address(self, ifindex: int, address: Interface) -> None:
        """Give it an address; one that it has already is fine."""
        self._request(f"give it {address}", ifindex, messages.address(ifindex, address))

    def add_route(self, ifindex: int, route: Route) -> None:
        """Add a route; one for the same in the same table stays, and this one is refused."""
        self._request(f"route {route} over it", ifindex, messages.route(ifindex, route))

    def _request(self, what: str, ifindex: int, request: bytes) -> None:
        """Ask and wait for the answer: the one place that does, where crash tests stand between."""
        self._socket.send(request)
        answer = self._socket.recv(_RECEIVE)
        code = netlink.error_of(b"".join(one.body for one, _ in netlink.messages(answer)))
        if code:
            why = os.strerror(code) + _said(answer)
            raise LinkRefusedError(
                f"interface {ifindex} of {self._place}: cannot {what}: {why}", code
            )


def _asking() -> socket.socket:
    """Open a socket over which the kernel says with a refusal what it dislikes."""
    sock = netlink.route_socket()
    sock.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
    return sock


def _said(answer: bytes) -> str:
    """Return the kernel's own words behind a refusal, where it has any."""
    for message, flags in netlink.messages(answer):
        if flags & _ACK_TLVS and len(message.body) >= _ERROR.size:
            _, length = _ERROR.unpack_from(message.body)
            behind = ((length + 3) & ~3) + 4
            if words := netlink.attributes(message.body, behind).get(_SAID):
                return f" ({netlink.text(words)})"
    return ""


@contextmanager
def _fine(*codes: int) -> Iterator[None]:
    """Pass over a refusal with one of `codes`."""
    try:
        yield
    except LinkRefusedError as refused:
        if refused.code not in codes:
            raise
