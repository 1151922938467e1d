"""rtnetlink and uevents: datagrams, each after its length in two bytes, least first.

The same corpus feeds the sidecar's reader (c/links.c).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from fuzz.engine import Target
from fuzz.mutate import raw
from netvsc.errors import NodeError
from netvsc.model.names import natural
from netvsc_deviceplugin.cni.attach import interfaces
from netvsc_deviceplugin.kernel import links, netlink, routes
from netvsc_deviceplugin.kernel.events import KernelEvents
from netvsc_deviceplugin.kernel.requests import linkops

_LENGTH = struct.Struct("<H")


def datagrams(data: bytes) -> Iterator[bytes]:
    while len(data) >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(data)
        yield data[_LENGTH.size : _LENGTH.size + length]
        data = data[_LENGTH.size + length :]


class _Socket:
    """A kernel that says what it is made to, and then nothing more."""

    def __init__(self, data: bytes) -> None:
        self._left = list(datagrams(data))

    def send(self, data: bytes) -> int:
        return len(data)

    def recv(self, size: int) -> bytes:
        if not self._left:
            raise NodeError("the kernel has nothing more to say")
        return self._left.pop(0)[:size]


def _kinds(data: bytes) -> None:
    """Give each message to the readers of its kind, as the callers do."""
    for datagram in datagrams(data):
        for message, _ in netlink.messages(datagram):
            _look(message)


def _look(message: netlink.Message) -> None:
    for read in (_link, _address, _route):
        try:
            read(message)
        except NodeError:
            continue


def _link(message: netlink.Message) -> None:
    link = links.parse_link(message.body)
    natural(link.name)
    interfaces._altnames(message.body)
    links.above([link], [link.ifindex])


def _address(message: netlink.Message) -> None:
    links.parse_address(message.body)


def _route(message: netlink.Message) -> None:
    routes.parse_default_route(message.body)


def _tables(data: bytes) -> None:
    try:
        netlink.dump(netlink.RTM_GETLINK, b"", sock=_Socket(data))  # type: ignore[arg-type]
    except NodeError:
        return


def _answers(data: bytes) -> None:
    changer = linkops.Rtnl.__new__(linkops.Rtnl)
    changer._place, changer._socket = "a pod", _Socket(data)  # type: ignore[assignment]
    try:
        changer.up(7)
    except NodeError:
        return


def _hints(data: bytes) -> None:
    watch = KernelEvents.__new__(KernelEvents)
    watch._wake, watch._gone = (lambda _reason: None), (lambda _link: None)
    for datagram in datagrams(data):
        watch._hear_routes(datagram)
        watch._hear_uevent(datagram)


def kernel(data: bytes) -> None:
    """Whatever comes is read, left out, or a NodeError."""
    for look in (_kinds, _tables, _answers, _hints):
        look(data)


TARGETS = (Target(name="netlink", check=kernel, mutate=raw),)
