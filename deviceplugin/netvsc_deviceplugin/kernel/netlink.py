"""Reads rtnetlink: dumps and messages as (type, body), attributes as bytes.

Reading a dump is most of what a scan costs; docs/decisions/0002 has the figures against pyroute2.
Numbers are those of include/uapi/linux/{netlink,rtnetlink}.h; RFC 3549 describes the format.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

from netvsc.errors import NodeError

NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_GETNEXTHOP = 106

IFINFO = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, ifindex, flags, change
EVERY_LINK = IFINFO.pack(0, 0, 0, 0, 0)
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_NUMBER = struct.Struct("=I")
_ERROR = struct.Struct("=i")
_ERRNO_MAX = 4095  # MAX_ERRNO, include/linux/err.h
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_DUMP_INTERRUPTED = 0x10  # NLM_F_DUMP_INTR: the table changed while it was read
_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER
_RECEIVE = 1 << 17  # bytes; the kernel fills at most 32 KiB a datagram
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Message:
    type: int
    body: bytes


def messages(data: bytes) -> Iterator[tuple[Message, int]]:
    """Split a datagram into messages, each with its header flags."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield Message(kind, data[offset + _HEADER.size : offset + length]), flags
        offset += (length + 3) & ~3


def attributes(body: bytes, offset: int) -> dict[int, bytes]:
    """Return the attributes from `offset` on; of a repeated one, the last."""
    found = {}
    while offset + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_MASK] = body[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")


class MalformedError(NodeError):
    """A message is not as the kernel writes them."""

    def __init__(self, what: str, found: bytes) -> None:
        super().__init__(
            f"rtnetlink: {found[:40]!r} is not a valid {what}: a kernel that writes so is not "
            "known; please report it"
        )


def number(value: bytes) -> int:
    return int(fields(_NUMBER, value)[0])


def fields(form: struct.Struct, body: bytes) -> tuple[int, ...]:
    """Return what a message begins with; raises MalformedError where it is too short."""
    if len(body) < form.size:
        raise MalformedError(f"message of {form.size} bytes or more", body)
    return form.unpack_from(body)


def ip(raw: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address; raises MalformedError."""
    try:
        return ipaddress.ip_address(raw)
    except ValueError:
        raise MalformedError("address", raw) from None


def error_of(body: bytes) -> int:
    """Return the errno of an NLMSG_ERROR, 0 for success; raises MalformedError."""
    code = -fields(_ERROR, body)[0]
    if not 0 <= code <= _ERRNO_MAX:
        raise MalformedError("error", body)
    return code


def attribute(kind: int, value: bytes) -> bytes:
    padding = b"\0" * (-len(value) % 4)
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + padding


def dump(kind: int, body: bytes, *, sock: socket.socket | None = None) -> list[Message]:
    """Return one consistent table of the netns of `sock`, or of the calling thread's.

    Raises NodeError if the kernel refuses, or if the table changes at each of five reads.
    """
    for _ in range(_TRIES):
        with nullcontext(sock) if sock else route_socket() as asked:
            asked.send(_HEADER.pack(_HEADER.size + len(body), kind, _REQUEST_DUMP, 1, 0) + body)
            found = _table(asked, kind)
        if found is not None:
            return found
    raise NodeError(f"rtnetlink dump {kind}: the table changed during each of {_TRIES} reads")


def route_socket() -> socket.socket:
    """Open one in the calling thread's netns that the kernel alone can answer.

    In a pod's netns, whoever administers it could too (af_netlink.c).
    """
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    sock.connect((0, 0))
    return sock


def _table(sock: socket.socket, kind: int) -> list[Message] | None:
    found: list[Message] = []
    consistent = True
    while True:
        for message, flags in messages(sock.recv(_RECEIVE)):
            consistent = consistent and not flags & _DUMP_INTERRUPTED
            if message.type == NLMSG_DONE:
                return found if consistent else None
            if message.type == NLMSG_ERROR:
                why = os.strerror(error_of(message.body))
                raise NodeError(f"rtnetlink dump {kind}: the kernel says {why}")
            found.append(message)
