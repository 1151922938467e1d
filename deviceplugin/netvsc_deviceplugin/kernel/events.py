"""Hears that something changed: rtnetlink and uevents. Hints to look, and revocations to count.

Groups and messages: rtnetlink(7); uevents: lib/kobject_uevent.c. What a message says is not
believed, with one exception: a VF that went and came back within one burst leaves no trace in a
scan, so interfaces that go are told from here.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import ExitStack
from enum import StrEnum

from netvsc_deviceplugin.kernel import netlink
from netvsc_deviceplugin.kernel.links import Link, parse_event
from netvsc_deviceplugin.kernel.routes import is_default


class ScanReason(StrEnum):
    """What wakes the inventory's loop: label `reason` of netvsc_scans_total."""

    LINK = "link"
    ADDRESS = "address"
    ROUTE = "route"
    UEVENT = "uevent"
    POLICY = "policy"  # pools, foreign owners, or who holds what
    IMDS = "imds"
    OVERRUN = "overrun"  # messages were lost
    RETRY = "retry"  # the scan before failed
    TIMER = "timer"


_GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400  # RTMGRP_LINK, IPV4/IPV6 _IFADDR and _ROUTE
_UEVENTS = 1  # the kernel's own, not udev's
_SUBSYSTEMS = {b"net", b"pci", b"vmbus", b"infiniband", b"infiniband_verbs"}
_BUFFER = 1 << 20  # bytes; holds some thousand link messages while a scan runs
_DATAGRAM = 1 << 16
_SO_RCVBUFFORCE = 33
_NETLINK_KOBJECT_UEVENT = 15

Wake = Callable[[str], None]
Gone = Callable[[Link], None]


class KernelEvents:
    """Calls `wake` with a reason, and `gone` with each interface that goes.

    An interface that moves to another netns has not gone. On an overrun (ENOBUFS) messages are
    lost: the socket is replaced, and the reason is `overrun`. `receive_buffer` is in bytes.
    """

    def __init__(self, *, wake: Wake, gone: Gone, receive_buffer: int = _BUFFER) -> None:
        self._wake = wake
        self._gone = gone
        self._receive_buffer = receive_buffer
        self._stack = ExitStack()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> None:
        self._open_routes()
        self._open_uevents()

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open_routes(self) -> None:
        sock = self._socket(socket.NETLINK_ROUTE, _GROUPS)
        self._loop.add_reader(sock, self._read_routes, sock)

    def _open_uevents(self) -> None:
        sock = self._socket(_NETLINK_KOBJECT_UEVENT, _UEVENTS)
        self._loop.add_reader(sock, self._read_uevents, sock)

    def _socket(self, protocol: int, groups: int) -> socket.socket:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
        self._stack.callback(self._close, sock)
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, self._receive_buffer)
        except PermissionError:  # without CAP_NET_ADMIN the administrator's limit holds
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        sock.bind((0, groups))
        return sock

    def _close(self, sock: socket.socket) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            sock.close()

    def _read_routes(self, sock: socket.socket) -> None:
        for datagram in self._datagrams(sock, self._open_routes):
            self._hear_routes(datagram)

    def _hear_routes(self, datagram: bytes) -> None:
        try:
            for message, _ in netlink.messages(datagram):
                self._hear(message)
        except netlink.MalformedError:
            self._wake(
                ScanReason.OVERRUN
            )  # as if it were lost: a look tells what it would have told

    def _hear(self, message: netlink.Message) -> None:
        event = parse_event(message)
        if event:
            if event.gone and not event.moved:
                self._gone(event.link)
            self._wake(ScanReason.LINK)
        elif message.type in {netlink.RTM_NEWADDR, netlink.RTM_DELADDR}:
            self._wake(ScanReason.ADDRESS)
        elif is_default(message):  # a node with ten thousand routes must not scan for each
            self._wake(ScanReason.ROUTE)

    def _read_uevents(self, sock: socket.socket) -> None:
        for datagram in self._datagrams(sock, self._open_uevents):
            self._hear_uevent(datagram)

    def _hear_uevent(self, datagram: bytes) -> None:
        fields = datagram.split(b"\0")
        if any(field.partition(b"=")[2] in _SUBSYSTEMS for field in fields if _names(field)):
            self._wake(ScanReason.UEVENT)

    def _datagrams(self, sock: socket.socket, reopen: Callable[[], None]) -> list[bytes]:
        found: list[bytes] = []
        while True:
            try:
                datagram, (sender, _) = sock.recvfrom(_DATAGRAM)
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._close(sock)
                reopen()
                self._wake(ScanReason.OVERRUN)
                return found
            if sender == 0:  # the kernel; whoever administers the netns may write to us too
                found.append(datagram)


def _names(field: bytes) -> bool:
    return field.startswith(b"SUBSYSTEM=")
