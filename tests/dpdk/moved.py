"""A pod whose pair came by CNI, and whose VF returns into the host's netns, as NICs do.

The agent is the real one, the application stock DPDK; see `sim.cni.node` for the node around them.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from dpdk import lines
from dpdk.pod import Pod
from dpdk.testpmd import DETACHED, PLUGGED, STARTED, Testpmd
from sim.cni.calls import CniHost
from sim.cni.calls import Pod as Sandbox
from sim.kernel.host import Host, SimNic
from sim.kernel.links import mac_of
from sim.kernel.netns import within
from sim.sidecar import fdpipe

# A VF of a driver that has no verbs devices: nobody waits for one.
DRIVER = "hv_pci_stand_in"
_PATIENCE_S = 5.0
_PLUG = rf"{PLUGGED}(?s:.*?){STARTED}"


@dataclass(frozen=True, slots=True)
class _Inside:
    """What a pod's programs need of the host, seen from the pod's netns."""

    netns: str
    wire: str
    sysfs: Path
    nics: Mapping[str, SimNic]


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Seconds from the VF's join at home until it was in the pod, and until it was in service."""

    moved: float
    started: float


class MovedPod(Pod):
    """The pod of pair 1 of a node, after its ADD."""

    def __init__(self, cni: CniHost, sandbox: Sandbox) -> None:
        self._cni, self._sandbox = cni, sandbox
        host = cni.host
        nics = dict.fromkeys(("netvsc0", "netvsc1"), host.nics["eth1"])  # by pod and by its VF, vf1
        seen = _Inside(sandbox.netns, host.wire, host.sysfs, nics)
        fdpipe.Pod.__init__(self, host=cast("Host", seen))
        self.pairs = 1
        self.line = lines.named("22.11")

    def lose(self, pmd: Testpmd) -> None:
        """The VF goes, and the application has let go of it."""
        since = pmd.mark()
        self._cni.revoke_in(1, self._sandbox)
        pmd.wait(DETACHED, since)

    def come_back(self, pmd: Testpmd) -> Return:
        """The VF comes back at home; return how long the agent took, and all of it."""
        since = pmd.mark()
        with within(self._sandbox.netns, _news) as news:
            self._cni.return_home(1)
            came = time.monotonic_ns()
            moved = _heard_of(news, mac_of(2))
        started = pmd.when(pmd.wait(_PLUG, since))
        return Return(moved=(moved - came) / 1e9, started=(started - came) / 1e9)


def _news() -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    sock.bind((0, 1))
    return sock


def _heard_of(news: socket.socket, mac: str) -> int:
    """Return when the kernel tells of an interface with this MAC, by CLOCK_MONOTONIC."""
    wanted = bytes.fromhex(mac.replace(":", ""))
    end = time.monotonic() + _PATIENCE_S
    while (left := end - time.monotonic()) > 0:
        if select.select([news], [], [], left)[0] and wanted in news.recv(1 << 16):
            return time.monotonic_ns()
    raise AssertionError(f"no VF came into the pod within {_PATIENCE_S:.0f} s")
