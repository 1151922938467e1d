"""Hears what happens to pairs in pods: one socket in each netns that has one, and one at home.

docs/decisions/0006 has why not one socket for all of them. Messages are hints; state comes from
looking. A removal is passed on, since a VF that is back within a burst leaves no other trace.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from netvsc_deviceplugin.cni.attach.sandboxes import Sandboxes
from netvsc_deviceplugin.kernel import netlink
from netvsc_deviceplugin.kernel.events import ScanReason
from netvsc_deviceplugin.kernel.links import Link, parse_event
from netvsc_deviceplugin.kernel.netns import Netns

_LINKS = 0x1  # RTMGRP_LINK
_BUFFER = 1 << 20  # bytes, as the inventory's own
_DATAGRAM = 1 << 16
_SO_RCVBUFFORCE = 33


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """Who is told: `look` and `mend` have a reason to look, `gone` hears of each removal in a pod.

    `mend` comes with news of our own NICs alone, wherever they are.
    """

    look: Callable[[str], None]
    gone: Callable[[Link], None]
    mend: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Ear:
    space: Netns
    sock: socket.socket


class NetnsWatcher:
    """`macs` are those of the pairs in pods. Call `refresh` when the sandboxes have changed."""

    def __init__(
        self,
        home: Netns,
        sandboxes: Sandboxes,
        *,
        macs: Callable[[], Collection[str]],
        hearers: Callbacks,
        receive_buffer: int = _BUFFER,
    ) -> None:
        self._home = home
        self._sandboxes = sandboxes
        self._macs = macs
        self._hearers = hearers
        self._receive_buffer = receive_buffer
        self._loop = asyncio.get_running_loop()
        self._ours: frozenset[bytes] = frozenset()
        self._ears: dict[int, _Ear] = {}

    def refresh(self) -> None:
        """Listen where a pair is, and nowhere else."""
        self._ours = frozenset(bytes.fromhex(mac.replace(":", "")) for mac in self._macs())
        spaces = {space.inode: space for space in self._sandboxes.all().values()}
        wanted = spaces | {self._home.inode: self._home} if spaces else {}
        for inode in self._ears.keys() - wanted.keys():
            self._close(inode)
        for inode in wanted.keys() - self._ears.keys():
            self._open(wanted[inode])

    def close(self) -> None:
        for inode in tuple(self._ears):
            self._close(inode)

    def _open(self, space: Netns) -> None:
        sock = space.within(self._socket)
        self._ears[space.inode] = _Ear(space, sock)
        self._loop.add_reader(sock, self._read, space.inode)
        self._hearers.mend()  # what came before anybody listened
        self._hearers.look(ScanReason.LINK)

    def _socket(self) -> socket.socket:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
        sock = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, self._receive_buffer)
        except PermissionError:  # without CAP_NET_ADMIN the administrator's limit holds
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        sock.bind((0, _LINKS))
        return sock

    def _close(self, inode: int) -> None:
        ear = self._ears.pop(inode)
        self._loop.remove_reader(ear.sock)
        ear.sock.close()

    def _read(self, inode: int) -> None:
        ear = self._ears[inode]
        while True:
            try:
                datagram = ear.sock.recv(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._close(inode)
                self._open(ear.space)
                self._hearers.look(ScanReason.OVERRUN)
                return
            self._hear(ear.space, datagram)

    def _hear(self, space: Netns, datagram: bytes) -> None:
        if not any(mac in datagram for mac in self._ours):
            return
        self._hearers.mend()
        if space.path is None:  # the inventory's own socket hears the rest
            return
        for message, _ in netlink.messages(datagram):
            event = parse_event(message)
            if event and event.gone and not event.moved:
                self._hearers.gone(replace(event.link, netns=space.name))
        self._hearers.look(ScanReason.LINK)
