"""One fail-safe port on a pipe of the test's own: the contract of fd(N) with nothing in between."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dpdk import machine
from dpdk.pod import Pod, failsafe, tap
from dpdk.testpmd import Testpmd

LINE = "net_fakevf_9b3000020,iface=vf0"
OTHER = "net_fakevf_9b3100020,iface=vf1"


@dataclass(slots=True)
class Rig:
    pod: Pod
    pmd: Testpmd
    reader: int
    writer: int

    def write(self, text: str) -> int:
        """Write into the pipe; return the mark for what comes of it."""
        since = self.pmd.mark()
        os.write(self.writer, text.encode())
        return since

    def unread(self) -> int:
        """How many bytes are in the pipe."""
        answer = fcntl.ioctl(self.reader, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", answer)[0])

    def never(self, pattern: str, since: int, *, within: float = 0.6) -> None:
        """See to it that something does not come: six polls, unless told otherwise."""
        found = None
        try:
            found = self.pmd.wait(pattern, since, timeout=within)
        except AssertionError:
            assert self.pmd.alive(), self.pmd.verdict()
        assert found is None, f"{pattern!r} came"


@contextmanager
def rig(
    pod: Pod,
    *,
    before: str = "",
    poll: int = 100,
    vdevs: Sequence[str] = (),
    source: str = "fd({fd})",
    **more: Any,
) -> Iterator[Rig]:
    """Run testpmd on a pipe that holds `before`; the guard keeps it alive through removals."""
    reader, writer = os.pipe()
    try:
        os.write(writer, before.encode())
        port = failsafe(0, tap(0), source=source.format(fd=reader), poll=poll)
        env = {"LD_PRELOAD": str(machine.guard())}
        with pod.bare(reader, [*vdevs, port], env=env, **more) as pmd:
            pmd.ready()
            yield Rig(pod, pmd, reader, writer)
    finally:
        os.close(reader)
        os.close(writer)
