"""Carries plans out: looks, plans, asks the kernel, looks again, until nothing is left to do."""

from __future__ import annotations

import logging
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from netvsc.errors import NodeError
from netvsc_deviceplugin.cni.attach import plan as planning
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink, read_interfaces
from netvsc_deviceplugin.cni.attach.plan import Goal, HostNames, PairLocation, PlanStep
from netvsc_deviceplugin.inventory.scan import ScanSource
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.requests.linkops import LinkRefusedError, Rtnl
from netvsc_deviceplugin.kernel.sysfs import read_devices

PATIENCE = 0.050  # seconds for the kernel to bring the VF after its NetVSC
_ROUNDS = 24  # looks at one pair; a quiet kernel needs six
_LINK_GROUP = 0x1  # RTMGRP_LINK

log = logging.getLogger(__name__)

Opener = Callable[[Netns], Rtnl]


class VfMoveSupport:
    """Which VF drivers this kernel does not bring along: for those nobody waits a second time."""

    def __init__(self) -> None:
        self._left_behind: set[str] = set()

    def waits(self, driver: str) -> bool:
        return driver not in self._left_behind

    def learn(self, driver: str, *, brought: bool) -> None:
        if not brought:
            self._left_behind.add(driver)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorConfig:
    """How links are seen and changed. `patience`: seconds for the kernel to bring a VF."""

    source: ScanSource
    move_support: VfMoveSupport = field(default_factory=VfMoveSupport)
    patience: float = PATIENCE
    rtnl: Opener = Rtnl


class Executor:
    """Carries plans out in the host's netns and, while there is one, a pod's.

    A context manager; `pod_ns` stays the caller's to close. `leaves` hears, by MAC, under which
    name a VF is about to leave the host: in a pod its altname may be changed, and so may its name.
    """

    def __init__(
        self,
        host_ns: Netns,
        pod_ns: Netns | None,
        config: ExecutorConfig,
        *,
        leaves: Callable[[str, str], None],
    ) -> None:
        self._leaves = leaves
        self._namespaces = {ns.name: ns for ns in (host_ns, pod_ns) if ns}
        self._config = config
        self._stack = ExitStack()
        self._rtnl = {
            name: self._stack.enter_context(config.rtnl(ns))
            for name, ns in self._namespaces.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._stack.close()

    def all_interfaces(self, *, last: str | None = None) -> tuple[NetnsLink, ...]:
        """Return all interfaces of both, those of `last` read last.

        Reading takes time: what the kernel moves meanwhile to `last` is seen twice, never not.
        """
        namespaces = sorted(self._namespaces.values(), key=lambda ns: ns.name == last)
        return tuple(
            one
            for ns in namespaces
            for one in read_interfaces(ns, self._config.source, dump=self._rtnl[ns.name].dump)
        )

    def settle(
        self,
        mac: str,
        goal: Goal,
        *,
        host_names: HostNames | None = None,
        forced: int | None = None,
    ) -> PairLocation:
        """Bring a pair to where it shall be, return where it is then; raises NodeError."""
        wait, refused = True, None
        with self._arrivals(goal.netns) as arrivals:
            for _ in range(_ROUNDS):
                interfaces = self.all_interfaces(last=goal.netns)
                location = planning.locate_pair(mac, interfaces, forced=forced)
                steps = planning.make_room(location, goal, interfaces) or planning.plan(
                    location,
                    goal,
                    names=_names(interfaces, goal.netns),
                    wait=wait and self._worth(location),
                    host_names=host_names or HostNames(),
                )
                if not steps:
                    return location
                awaited = isinstance(steps[-1], planning.Await)
                refused = self._take(steps[:-1] if awaited else steps, refused)
                if awaited and not refused:
                    wait = self._brought(mac, goal, location, arrivals)
        raise refused or NodeError(f"pair {mac} does not settle in {goal.netns or 'the host'}")

    def own_again(self, location: PairLocation, *, mtu: int | None) -> None:
        """Give a pair on the host its own MACs and MTU, whoever brought it (the kernel may have).

        That the kernel refuses is no reason to keep it from others.
        """
        for part in (location.netvsc, location.vf):
            if not part or part.link.netns is not None:
                continue
            link, rtnl = part.link, self._rtnl[None]
            with _reported():
                if link.wears not in {"", link.mac}:
                    rtnl.set_address(link.ifindex, link.mac)
            with _reported():
                if mtu and link.mtu != mtu:
                    rtnl.set_mtu(link.ifindex, mtu)

    def _worth(self, location: PairLocation) -> bool:
        return bool(location.vf) and self._config.move_support.waits(self._driver(location.vf))

    def _driver(self, vf: NetnsLink | None) -> str:
        """Name what decides whether the kernel brings a VF."""
        devices = read_devices(self._config.source.sysfs, [vf.link] if vf else [])
        return next((device.driver or "" for device in devices.pci.values()), "")

    def _take(
        self, steps: Iterable[PlanStep], before: LinkRefusedError | None
    ) -> LinkRefusedError | None:
        """Take steps; return a refusal that a new look may explain, once."""
        for step in steps:
            try:
                self._do(step)
            except LinkRefusedError as refused:
                again = before and (before.code, str(before)) == (refused.code, str(refused))
                if not refused.look_again or again:
                    raise
                return refused
        return None

    def _do(self, step: PlanStep) -> None:
        ifindex, rtnl = step.part.link.ifindex, self._rtnl[step.part.link.netns]
        match step:
            case planning.Move(to=to, name=name):
                rtnl.move(ifindex, to=self._namespaces[to], name=name)
            case planning.Rename(name=name):
                rtnl.rename(ifindex, name)
            case planning.AddAltname(part, altname=altname):
                if part.link.parent_bus == "pci" and part.link.netns is None:
                    self._leaves(part.link.mac, part.link.name)
                rtnl.add_altname(ifindex, altname)
            case planning.RemoveAltname(altname=altname):
                rtnl.drop_altname(ifindex, altname)
            case planning.Up():
                rtnl.up(ifindex)
            case planning.Clean():
                rtnl.clean(ifindex)
            case planning.Mtu(mtu=mtu):
                rtnl.set_mtu(ifindex, mtu)
            case _:
                raise AssertionError(step)

    def _arrivals(self, netns: str | None) -> socket.socket:
        """Open a socket that tells of interfaces at the goal; before the NetVSC goes there."""

        def listening() -> socket.socket:
            sock = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
            )
            sock.bind((0, _LINK_GROUP))
            return sock

        return self._namespaces[netns].run(listening)

    def _brought(
        self, mac: str, goal: Goal, location: PairLocation, arrivals: socket.socket
    ) -> bool:
        """Wait until the kernel has brought the VF, or no longer; return whether it came."""
        end = time.monotonic() + self._config.patience
        came = False
        while not came and (left := end - time.monotonic()) > 0:
            if not select.select([arrivals], [], [], left)[0]:
                break
            _drain(arrivals)
            vf = planning.locate_pair(mac, self.all_interfaces(last=goal.netns)).vf
            came = vf is None or vf.link.netns == goal.netns
        self._config.move_support.learn(self._driver(location.vf), brought=came)
        return came


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except LinkRefusedError as refused:
        log.warning("%s", refused)


def _drain(sock: socket.socket) -> None:
    try:
        while True:
            sock.recv(1 << 16)
    except OSError:  # nothing left, or an overrun: either way the next look tells
        return


def _names(interfaces: Iterable[NetnsLink], netns: str | None) -> frozenset[str]:
    return frozenset(name for one in interfaces if one.link.netns == netns for name in one.names)
