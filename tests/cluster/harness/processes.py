"""Processes are found by looking at /proc, never by a number written down earlier."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator

_GONE = (FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    argv: tuple[str, ...]
    inner_pid: int
    """Its number in its own pid namespace; 1 for the node's init."""


def every() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(*_GONE):
                yield _look(int(entry.name))


def _look(pid: int) -> Process:
    entry = Path(f"/proc/{pid}")
    status = (entry / "status").read_text()
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
    return Process(
        pid=pid,
        argv=tuple(
            os.fsdecode(word) for word in (entry / "cmdline").read_bytes().split(b"\0")[:-1]
        ),
        inner_pid=int(numbers[-1]),
    )


def namespace(pid: int, kind: str = "pid") -> str:
    return str(Path(f"/proc/{pid}/ns/{kind}").readlink())


def parent(pid: int) -> int:
    """The fourth field; the second is a name in parentheses that may hold anything."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def end(pid: int, *, how: signal.Signals, grace: float = 30) -> None:
    """Signal a process and return when it is gone; one that outlives its grace is killed."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for word in (how, signal.SIGKILL):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, word)
            if select.select([handle], [], [], grace)[0]:
                return
        raise ClusterError(f"process {pid} survived SIGKILL for {grace:g} s: see its kernel stack")
    finally:
        os.close(handle)
