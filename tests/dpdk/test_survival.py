"""The promise, on each line of stock DPDK: the application outlives every removal of its VF."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from dpdk import lines
from dpdk.lines import Line
from dpdk.pod import Pod, af_packet, tap
from dpdk.storm import Storm, rounds
from dpdk.testpmd import DETACHED, PLUGGED, STARTED, EndedError, SilentError, Testpmd
from dpdk.verdicts import Table, Verdict

LINES = lines.names()
MTU = 1400
# Beside a port 0 of no use: were fail-safe port 0, the second release might darken it before a
# lcore steps into the closed VF.
STOPPED_BESIDE_PORT_0 = ("--disable-device-start", "--portlist=1")
# In this order the port took the VF with it when it started; in the other the VF came after.
BOTH_STARTED = re.compile(r"(?s)Starting sub_device 0.*Starting sub_device 1")
SAVED = "net_failsafe_vsc00: lost a sub-device"


def plug(pod: Pod, pmd: Testpmd) -> None:
    since = pmd.mark()
    pod.give()
    pmd.wait(STARTED, pmd.wait(PLUGGED, since).end())


def lose(pod: Pod, pmd: Testpmd) -> None:
    since = pmd.mark()
    pod.revoke()
    pmd.wait(DETACHED, since)


def forwards(pod: Pod, netdev: str, *, within: float = 10) -> bool:
    with pod.wire(netdev) as wire:
        return wire.echoes(within=within)


# ---- how the VF can be there when the lcores take their copies of the bursts ----


def started_with_the_vf(pmd: Testpmd) -> None:
    """The VF is plugged while the ports are stopped; then they start with it."""
    pmd.ready().wait(PLUGGED)
    pmd.command("set fwd macswap")
    for _ in range(20):
        if BOTH_STARTED.search(pmd.command("port start all")):
            break
        pmd.command("port stop all")  # the VF was not quite there yet
    else:
        raise AssertionError(f"it never started with its VF:\n{pmd.text()[-2000:]}")
    pmd.command("start")


def restarted(pmd: Testpmd) -> None:
    pmd.ready().forward()
    pmd.wait(STARTED)
    for command in ("stop", "port stop all", "port start all", "start"):
        pmd.command(command)


def with_another_mtu(pmd: Testpmd) -> None:
    pmd.ready().forward()
    pmd.wait(STARTED)
    rows = pmd.command("show port summary all").splitlines()
    number = next(row.split()[0] for row in rows if "net_failsafe" in row)
    for command in ("stop", "port stop all", f"port config mtu {number} {MTU}", "port start all"):
        pmd.command(command)
    pmd.command("start")


AT_START = "VF there at port start"
STARTS: dict[str, Callable[[Testpmd], None]] = {
    AT_START: started_with_the_vf,
    "port stopped and started": restarted,
    "MTU changed": with_another_mtu,
}


@pytest.mark.parametrize("case", STARTS)
def test_the_guard_saves_a_port_that_was_started_with_its_vf(
    pod: Pod, line: Line, table: Table, case: str
) -> None:
    """Then the lcores have a copy of the bursts that do not look where they step."""
    sidecar, wanted = pod.announce("--gate", "immediate"), rounds(3, 10)
    app = ("--disable-device-start",) if case == AT_START else ()
    for _ in range(wanted):
        pod.give()
        with pod.testpmd(app=app) as pmd:
            STARTS[case](pmd)
            assert forwards(pod, "vf0")
            lose(pod, pmd)
            assert forwards(pod, "netvsc0")
            assert SAVED in pmd.text()
            plug(pod, pmd)
            assert forwards(pod, "vf0")
            lose(pod, pmd)
            assert forwards(pod, "netvsc0")
            assert pod.states()[0]["guard"] == "active"
            assert pmd.quit() == 0
    assert sidecar.process.poll() is None
    table.add(
        Verdict(line=line.name, remedy="guard", case=case, survived=2 * wanted,
                removals=2 * wanted, traffic=True)
    )  # fmt: skip


@pytest.mark.parametrize("case", STARTS)
def test_without_the_guard_such_a_port_dies_at_the_first_removal(
    pod: Pod, line: Line, table: Table, case: str
) -> None:
    """When this fails DPDK has mended it, and docs/compatibility.md is due for good news."""
    pod.announce("--gate", "immediate")
    wanted = rounds(2, 10)
    app = STOPPED_BESIDE_PORT_0 if case == AT_START else ("--portlist=1",)
    for _ in range(wanted):
        pod.give()
        with pod.testpmd(guard="off", vdevs=["net_null7"], app=app) as pmd:
            STARTS[case](pmd)
            assert forwards(pod, "vf0")
            pod.revoke()
            assert pmd.end() < 0
    table.add(Verdict(line=line.name, remedy="plain", case=case, survived=0, removals=wanted))


# ---- a VF that comes when the port is started already ----


def test_a_storm_of_revocations_kills_poisons_and_silences_nothing(
    pod: Pod, line: Line, table: Table
) -> None:
    storm = Storm(pod, sidecar=pod.announce, launch=pod.testpmd)
    removals = storm.survived(rounds(8, 60))
    table.add(
        Verdict(line=line.name, remedy="guard", case="removal storm", survived=removals,
                removals=removals, traffic=True)
    )  # fmt: skip


def removals_survived(pod: Pod, pmd: Testpmd, wanted: int) -> int:
    for done in range(wanted):
        try:
            plug(pod, pmd)
            if not forwards(pod, "vf0", within=2):
                return done  # dark: as good as dead
            lose(pod, pmd)
            pmd.command("show port stats all")
        except (EndedError, SilentError):  # dead, or hung: its lcore died holding a lock
            return done
        finally:
            if pod.host.nics["netvsc0"].present:
                pod.revoke()
    return wanted


def test_the_gate_alone_does_not_save_an_application_from_the_second_release(
    pod: Pod, line: Line, table: Table
) -> None:
    """Since 23.11 it is the end; before, port 0 goes dark, and an lcore may die of it by luck."""
    pod.announce("--gate", "started", fallback=tap)
    runs, wanted, survived = rounds(2, 6), 5, 0
    for _ in range(runs):
        with pod.testpmd(guard="off", fallback=tap) as pmd:
            pmd.ready().forward()
            survived += removals_survived(pod, pmd, wanted)
    assert survived < runs * wanted if line.is_first else survived == 0
    table.add(
        Verdict(line=line.name, remedy="gate", case="VF plugged later, fail-safe is port 0",
                survived=survived, removals=runs * wanted)
    )  # fmt: skip


# ---- the gate ----


@pytest.mark.parametrize("fallback", [tap, af_packet])
def test_the_gate_opens_only_when_the_ports_are_started(
    pod: Pod, fallback: Callable[[int], str]
) -> None:
    """By the tap going up; where no tap comes, by the time that was set."""
    sidecar = pod.announce("--gate-timeout-s", "2", fallback=fallback)
    pod.give()
    with pod.testpmd(guard="off", fallback=fallback, app=("--disable-device-start",)) as pmd:
        pmd.ready()
        if fallback is tap:
            assert pod.states()[0]["reason"] == "Gate"
            pmd.command("port start all")
        opened = sidecar.wait_log("gate", detail="open")
        pmd.wait(PLUGGED)
        asked = next(line for line in sidecar.log() if line.event == "opened")
        assert (opened.at - asked.at > 1.9e9) == (fallback is af_packet)


def test_the_gate_closes_again_when_the_application_is_restarted(pod: Pod) -> None:
    sidecar = pod.announce(fallback=tap)
    pod.give()
    for _ in range(rounds(2, 5)):
        since = len(sidecar.catch_up())
        with pod.testpmd(
            guard="off", fallback=tap, vdevs=["net_null7"],
            app=("--portlist=1", "--disable-device-start"),
        ) as pmd:  # fmt: skip
            pmd.ready()
            assert pod.states()[0]["gate"] == "closed"
            assert not pmd.count(PLUGGED)
            pmd.command("port start all")
            pmd.wait(PLUGGED)
            pmd.process.kill()
            pmd.end()
            sidecar.wait_log("gate", detail="closed", since=since)
