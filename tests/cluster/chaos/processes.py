"""The processes of ours in one cluster, found by its cgroup and by what they run."""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.chaos.growth import Usage
from cluster.harness import processes

if TYPE_CHECKING:
    from cluster.harness import Cluster

_POD = re.compile(r"/pod(?P<uid>[0-9a-f-]{36})/")
_GONE = (FileNotFoundError, ProcessLookupError)


class Who(StrEnum):
    AGENT = "agent"
    CONTROLLER = "controller"
    WEBHOOK = "webhook"
    SIDECAR = "sidecar"
    TESTPMD = "testpmd"
    WITNESS = "witness"


OURS = (Who.AGENT, Who.CONTROLLER, Who.WEBHOOK)
_RUNS: dict[Who, tuple[str, ...]] = {
    Who.AGENT: ("/opt/netvsc/bin/python", "/opt/netvsc/bin/netvsc-deviceplugin"),
    Who.CONTROLLER: (
        "/opt/netvsc/bin/python",
        "/opt/netvsc/bin/netvsc-operator",
        "controller",
    ),
    Who.WEBHOOK: ("/opt/netvsc/bin/python", "/opt/netvsc/bin/netvsc-operator", "webhook"),
    Who.SIDECAR: ("/fdpipe", "announce"),
    Who.TESTPMD: ("dpdk-testpmd",),
    Who.WITNESS: ("/opt/netvsc/bin/python", "-m", "cluster.chaos.witness"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProcess:
    """A process; `pod` is the uid of the pod that it is in."""

    who: Who
    pid: int
    started: int
    pod: str


def everybody(cluster: Cluster) -> list[OwnProcess]:
    found = [_own(cluster.layout.cgroup, process) for process in processes.every()]
    return sorted((one for one in found if one), key=lambda process: process.started)


def find(cluster: Cluster, who: Who, *, pod: str | None = None) -> list[OwnProcess]:
    """The oldest first."""
    return [one for one in everybody(cluster) if one.who is who and pod in (None, one.pod)]


def inside(cluster: Cluster, pod: str) -> list[int]:
    """Every process of a pod."""
    mark, found = f"/pod{pod}/", list[int]()
    for process in processes.every():
        with suppress(*_GONE):
            groups = Path(f"/proc/{process.pid}/cgroup").read_text()
            if mark in groups and f"/{cluster.layout.cgroup}/" in groups:
                found.append(process.pid)
    return found


def send(process: OwnProcess, what: signal.Signals) -> None:
    """A signal to that very process, if it is there yet."""
    with suppress(*_GONE):
        handle = os.pidfd_open(process.pid)
        try:
            if started(process.pid) == process.started:
                signal.pidfd_send_signal(handle, what)
        finally:
            os.close(handle)


def usage(process: OwnProcess) -> Usage | None:
    """What it uses now; None if it is gone."""
    entry = Path(f"/proc/{process.pid}")
    with suppress(*_GONE):
        rollup = (entry / "smaps_rollup").read_text()
        rss = re.search(r"^Rss:\s+(\d+) kB", rollup, re.MULTILINE)
        return Usage(
            who=process.who,
            pid=process.pid,
            started=process.started,
            rss_kib=int(rss.group(1)) if rss else 0,
            fds=len([*(entry / "fd").iterdir()]),
            threads=len([*(entry / "task").iterdir()]),
        )
    return None


def started(pid: int) -> int:
    """When a process started, in ticks since the machine's boot (proc(5), field 22 of stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19])


def _own(cgroup: str, process: processes.Process) -> OwnProcess | None:
    who = next((who for who, argv in _RUNS.items() if process.argv[: len(argv)] == argv), None)
    if who is None:
        return None
    with suppress(*_GONE):
        groups = Path(f"/proc/{process.pid}/cgroup").read_text()
        pod = _POD.search(groups)
        if f"/{cgroup}/" in groups and pod:
            at = started(process.pid)
            return OwnProcess(who=who, pid=process.pid, started=at, pod=pod.group("uid"))
    return None
