"""Hears what happens to pairs in pods: one socket in each netns that has one, and one on the host.

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
    """Who is told: `request_scan` and `mend` of a reason to look, `gone` of each removal in a pod.

    `mend` comes with news of our own NICs alone, wherever they are.
    """

    request_scan: Callable[[str], None]
    gone: Callable[[Link], None]
    mend: Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Listener:
    ns: Netns
    sock: socket.socket


class NetnsWatcher:
    """`macs` are those of the pairs in pods. Call `refresh` when the sandboxes have changed."""

    def __init__(
        self,
        host_ns: Netns,
        sandboxes: Sandboxes,
        *,
        macs: Callable[[], Collection[str]],
        callbacks: Callbacks,
        receive_buffer: int = _BUFFER,
    ) -> None:
        self._host_ns = host_ns
        self._sandboxes = sandboxes
        self._macs = macs
        self._callbacks = callbacks
        self._receive_buffer = receive_buffer
        self._loop = asyncio.get_running_loop()
        self._ours: frozenset[bytes] = frozenset()
        self._listeners: dict[int, _Listener] = {}

    def refresh(self) -> None:
        """Listen where a pair is, and nowhere else."""
        self._ours = frozenset(bytes.fromhex(mac.replace(":", "")) for mac in self._macs())
        namespaces = {ns.inode: ns for ns in self._sandboxes.all().values()}
        wanted = namespaces | {self._host_ns.inode: self._host_ns} if namespaces else {}
        for inode in self._listeners.keys() - wanted.keys():
            self._close(inode)
        for inode in wanted.keys() - self._listeners.keys():
            self._open(wanted[inode])

    def close(self) -> None:
        for inode in tuple(self._listeners):
            self._close(inode)

    def _open(self, ns: Netns) -> None:
        sock = ns.run(self._socket)
        self._listeners[ns.inode] = _Listener(ns, sock)
        self._loop.add_reader(sock, self._read, ns.inode)
        self._callbacks.mend()  # what came before anybody listened
        self._callbacks.request_scan(ScanReason.LINK)

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
        listener = self._listeners.pop(inode)
        self._loop.remove_reader(listener.sock)
        listener.sock.close()

    def _read(self, inode: int) -> None:
        listener = self._listeners[inode]
        while True:
            try:
                datagram = listener.sock.recv(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._close(inode)
                self._open(listener.ns)
                self._callbacks.request_scan(ScanReason.OVERRUN)
                return
            self._hear(listener.ns, datagram)

    def _hear(self, ns: Netns, datagram: bytes) -> None:
        if not any(mac in datagram for mac in self._ours):
            return
        self._callbacks.mend()
        if ns.path is None:  # the inventory's own socket hears the rest
            return
        for message, _ in netlink.messages(datagram):
            event = parse_event(message)
            if event and event.gone and not event.moved:
                self._callbacks.gone(replace(event.link, netns=ns.name))
        self._callbacks.request_scan(ScanReason.LINK)
