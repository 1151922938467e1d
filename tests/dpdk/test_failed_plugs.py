"""The removal that every failed plug-in ends with: since 23.11 the end of a plain application.

By stock drivers alone: net_null has a configuration that fail-safe refuses. Then fail-safe removes
the device as if it had been that of a VF.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dpdk import lines
from dpdk.lines import Line
from dpdk.pod import Pod, af_packet, failsafe
from dpdk.storm import rounds
from dpdk.testpmd import EndedError, Testpmd
from dpdk.verdicts import Table, Verdict

LINES = tuple(name for name in lines.names() if name != "22.11")
SAVED = "netvsc guard: a port was released twice"
CLOSED = r"Port \d+ is closed"


def launched(pod: Pod, *, guard: str, poll: int = 100) -> Testpmd:
    port = failsafe(0, af_packet(0), poll=poll)
    return pod.run_testpmd(pod.launcher(guard=guard), vdevs=[port])


def pipe_of(pod: Pod) -> Path:
    """The pod's pipe, for the test to write to: the sidecar has installed everything and gone."""
    pod.announce().kill(15)
    return pod.dir / "00"


def fail(pmd: Testpmd, pipe: Path, number: int) -> None:
    since = pmd.mark()
    with open(pipe, "w", opener=at_once) as writer:
        writer.write(f"net_null{number}\n")
    pmd.wait(CLOSED, since)


def at_once(path: str, flags: int) -> int:
    """Open a pipe for writing; EndedError where nobody reads it any more."""
    try:
        return os.open(path, flags | os.O_NONBLOCK)
    except OSError as error:
        raise EndedError(f"nobody reads {path}: {error.strerror}") from error


def test_the_second_failed_plug_in_is_the_end_of_a_plain_application(
    pod: Pod, line: Line, table: Table
) -> None:
    """When this fails DPDK has mended it, and docs/compatibility.md is due for good news."""
    pipe, runs = pipe_of(pod), rounds(3, 10)
    for _ in range(runs):
        with launched(pod, guard="off") as pmd:
            pmd.ready().forward()
            with suppress(EndedError):
                fail(pmd, pipe, 0)
                fail(pmd, pipe, 1)
            assert pmd.end() < 0
    table.add(
        Verdict(line=line.name, remedy="plain", case="failed plug-ins", survived=0, removals=runs)
    )


def test_the_guard_makes_failed_plug_ins_harmless(pod: Pod, line: Line, table: Table) -> None:
    pipe, wanted = pipe_of(pod), rounds(20, 200)
    with launched(pod, guard="auto", poll=20) as pmd:
        pmd.ready().forward()
        for number in range(wanted):
            fail(pmd, pipe, number)
        with pod.wire("netvsc0") as wire:
            assert wire.echoes()
        assert pmd.quit() == 0
        assert pmd.count(SAVED) == wanted
    table.add(
        Verdict(line=line.name, remedy="guard", case="failed plug-ins", survived=wanted,
                removals=wanted, traffic=True)
    )  # fmt: skip
