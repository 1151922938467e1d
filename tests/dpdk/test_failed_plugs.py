"""Stock DPDK 24.11, from Debian 13's packages: the removal that every failed plug-in ends with.

No driver of ours can be built for it here, so the way there is by stock drivers alone: net_null's
configuration is refused by fail-safe, which then removes the device as if it had been a VF's.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dpdk import machine
from dpdk.pod import Pod, af_packet, failsafe
from dpdk.storm import rounds
from dpdk.testpmd import EndedError, Testpmd
from dpdk.verdicts import Table, Verdict

LINE = "24.11"
SAVED = "netvsc guard: a port was released twice"
CLOSED = r"Port \d+ is closed"


def container(pod: Pod, *, guard: str) -> list[str]:
    """The launcher inside Debian 13's root folder, as in a container of that image."""
    root = machine.cache() / "trixie"
    volume = root / "run" / "netvsc"
    volume.mkdir(parents=True, exist_ok=True)
    mounts = [f"mount --rbind /{name} {root}/{name}" for name in ("proc", "sys", "dev")]
    mounts.append(f"mount --bind {pod.dir} {volume}")
    script = " && ".join([*mounts, f'exec chroot {root} "$@"'])
    launcher = ["/run/netvsc/bin/fdpipe", "exec", "--fd", "200=/run/netvsc/00", "--guard", guard]
    return pod.enter("sh", "-c", script, "sh", *launcher, "--")


def launched(pod: Pod, *, guard: str, ports: Sequence[str]) -> Testpmd:
    return Testpmd(container(pod, guard=guard), vdevs=ports, program="/usr/bin/dpdk-testpmd")


def pipe_of(pod: Pod) -> Path:
    """The pod's pipe, for the test to write to: the sidecar has installed everything and gone."""
    pod.announce().kill(15)
    return pod.dir / "00"


def fail(pmd: Testpmd, pipe: Path, number: int) -> None:
    since = pmd.mark()
    pipe.write_text(f"net_null{number}\n")
    pmd.wait(CLOSED, since)


def test_the_second_failed_plug_in_is_the_end_of_a_plain_application(
    pod: Pod, table: Table
) -> None:
    """When this fails DPDK has mended it, and docs/compatibility.md is due for good news."""
    pipe, runs = pipe_of(pod), rounds(3, 10)
    for _ in range(runs):
        with launched(pod, guard="off", ports=[failsafe(0, af_packet(0))]) as pmd:
            pmd.ready().forward()
            with suppress(EndedError):
                fail(pmd, pipe, 0)
                fail(pmd, pipe, 1)
            assert pmd.end() < 0
    table.add(Verdict(line=LINE, remedy="plain", case="failed plug-ins", survived=0, removals=runs))


def test_the_guard_makes_failed_plug_ins_harmless(pod: Pod, table: Table) -> None:
    pipe, wanted = pipe_of(pod), rounds(40, 200)
    with launched(pod, guard="auto", ports=[failsafe(0, af_packet(0), poll=20)]) as pmd:
        pmd.ready().forward()
        for number in range(wanted):
            fail(pmd, pipe, number)
        with pod.wire("netvsc0") as wire:
            assert wire.echoes()
        assert pmd.quit() == 0
        assert pmd.count(SAVED) == wanted
    table.add(
        Verdict(line=LINE, remedy="guard", case="failed plug-ins", survived=wanted,
                removals=wanted, traffic=True)
    )  # fmt: skip
