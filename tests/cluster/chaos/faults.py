"""Faults on purpose: each is one that chaos must find, and is undone when its context ends."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cluster.chaos import pipe, processes
from cluster.chaos.actions import stopped
from cluster.chaos.invariants import INTERFACE
from cluster.chaos.observe import snapshot
from cluster.chaos.processes import Who
from cluster.chaos.steps import Role
from cluster.harness.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.chaos.host import Host
    from cluster.chaos.stage import Stage

_WRONG = b"net_fakevf_9b31000ff,iface=nowhere\n"
_PATIENCE_S = 20.0


@contextmanager
def vf_taken_home(stage: Stage, host: Host) -> Iterator[None]:
    """A VF is in the node's network, and the agent, which would bring it back, does not run."""
    vf = host.vf(stage.nics[Role.FORWARDER])
    space = snapshot(stage).spaces[Role.FORWARDER]
    with stopped(processes.find(stage.cluster, Who.AGENT)):
        stage.cluster.node.run(
            ["ip", "-n", space, "link", "set", vf.vf if vf else "", "netns", "1"]
        )
        yield


@contextmanager
def host_name_lost(stage: Stage) -> Iterator[None]:
    """A NetVSC does not say how it is called at home, and the agent, which would, does not run."""
    name = stage.nics[Role.FORWARDER].name
    space = snapshot(stage).spaces[Role.FORWARDER]
    lost = ("link", "property", "del", "dev", INTERFACE, "altname", f"nvhome-{name}")
    with stopped(processes.find(stage.cluster, Who.AGENT)):
        stage.cluster.node.run(["ip", "-n", space, *lost])
        yield


@contextmanager
def wrong_line(stage: Stage) -> Iterator[None]:
    """A line that leads nowhere is in a pipe, and nobody runs who would take it back or read it."""
    pid = stage.born[Role.FORWARDER].pid
    file = os.open(f"/proc/{pid}/root/run/netvsc/00", os.O_RDWR | os.O_NONBLOCK)
    parties = [*_sidecar(stage), *_forwarder(stage)]
    try:
        with stopped(parties):
            os.write(file, _WRONG)
            try:
                yield
            finally:
                os.read(file, 4096)
                os.write(file, b"\n")
    finally:
        os.close(file)


@contextmanager
def line_left_behind(stage: Stage, host: Host) -> Iterator[None]:
    """A VF goes after its line was offered and before it was read, and the sidecar does not run."""
    nic, pid = stage.nics[Role.FORWARDER], stage.born[Role.FORWARDER].pid
    with stopped(_forwarder(stage)):
        host.flap(nic, seconds=0.1, slot=4)
        until(lambda: _offered(pid), what="a line in the pipe", seconds=_PATIENCE_S, pause=0.002)
        with stopped(_sidecar(stage)):
            host.revoke(nic)
            yield
        until(lambda: not _offered(pid), what="it to be taken back", seconds=_PATIENCE_S)
    host.give(nic, 2)


def application_killed(stage: Stage) -> None:
    uid = stage.uids[Role.WITNESS]
    for one in processes.find(stage.cluster, Who.WITNESS, pod=uid):
        processes.send(one, signal.SIGKILL)


def _offered(pid: int) -> str | None:
    return pipe.offered(pipe.content(pid))


def _sidecar(stage: Stage) -> list[processes.OwnProcess]:
    return processes.find(stage.cluster, Who.SIDECAR, pod=stage.uids[Role.FORWARDER])


def _forwarder(stage: Stage) -> list[processes.OwnProcess]:
    return processes.find(stage.cluster, Who.TESTPMD, pod=stage.uids[Role.FORWARDER])
