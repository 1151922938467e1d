"""An application that takes its time from EAL to its ports, with what the webhook gives it.

docs/fdpipe.md, Gate, has these cases as a table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import pytest

from dpdk import lines
from dpdk.lines import Line
from dpdk.pod import Pod, af_packet, tap
from dpdk.storm import rounds
from dpdk.test_survival import BOTH_STARTED, forwards, lose, plug
from dpdk.testpmd import PLUGGED, STARTED, Testpmd
from dpdk.verdicts import Table, Verdict

LINES = lines.names()
SLOW = ("--disable-device-start",)
FALLBACKS = {"tap": tap, "af_packet": af_packet}
# Where frames go while the VF is away. Without flower in the kernel the tap is an end of its own.
AWAY = {"tap": "dtap0", "af_packet": "netvsc0"}
# Seconds from EAL to the start of the ports: nobody's event, but what is tried.
DELAYS = {"at once": 0.1, "slow": 1.5, **({"very slow": 30.0} if rounds(0, 1) else {})}


def take_time(seconds: float) -> None:
    Event().wait(seconds)


def start(pmd: Testpmd) -> int:
    """Start the ports by hand; return when that began, in nanoseconds."""
    pmd.command("set fwd macswap")
    began = time.monotonic_ns()
    pmd.command("port start all")
    pmd.command("start")
    return began


def survives_two_removals(pod: Pod, pmd: Testpmd, *, away: str) -> None:
    assert forwards(pod, "vf0")
    lose(pod, pmd)
    assert forwards(pod, away)
    plug(pod, pmd)
    assert forwards(pod, "vf0")
    lose(pod, pmd)
    assert forwards(pod, away)
    assert pmd.quit() == 0


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("fallback", FALLBACKS)
def test_the_vf_is_offered_when_the_port_is_started_however_late_that_is(
    pod: Pod, line: Line, table: Table, fallback: str, delay: str
) -> None:
    """The tap goes up then, and the guard says that it is at work. Then the VF does no harm."""
    kind, seconds = FALLBACKS[fallback], DELAYS[delay]
    sidecar = pod.announce("--gate-timeout-s", "60", fallback=kind)
    runs = 1 if delay == "very slow" else rounds(3, 10)
    for _ in range(runs):
        since = len(sidecar.catch_up())
        pod.give()
        with pod.testpmd(fallback=kind, app=SLOW) as pmd:
            pmd.ready()
            take_time(seconds)
            assert not pmd.count(PLUGGED)
            started = start(pmd)
            assert sidecar.wait_log("gate", detail="open", since=since).at > started
            pmd.wait(STARTED, pmd.wait(PLUGGED).end())
            survives_two_removals(pod, pmd, away=AWAY[fallback])
        sidecar.wait_log("gate", detail="closed", since=since)
    table.add(
        Verdict(line=line.name, remedy="guard",
                case=f"{fallback}, ports started {seconds} s after EAL",
                survived=2 * runs, removals=2 * runs, traffic=True)
    )  # fmt: skip


def test_past_the_time_limit_the_vf_is_offered_to_a_port_that_is_not_started_and_it_lives(
    pod: Pod,
) -> None:
    """No tap tells, and nobody can wait for ever: the guard saves what is started with its VF."""
    sidecar = pod.announce("--gate-timeout-s", "1")
    pod.give()
    with pod.testpmd(app=SLOW) as pmd:
        pmd.ready().wait(PLUGGED)
        since = pmd.mark()
        start(pmd)
        assert BOTH_STARTED.search(pmd.text(since))
        opened = sidecar.wait_log("gate", detail="open")
        assert opened.at < sidecar.wait_log("guard", detail="active").at
        survives_two_removals(pod, pmd, away="netvsc0")


@pytest.mark.parametrize("fallback", FALLBACKS)
def test_of_several_ports_each_has_its_vf_once_it_is_started(line: Line, fallback: str) -> None:
    kind: Callable[[int], str] = FALLBACKS[fallback]
    with Pod(2, line=line) as pod:
        pod.announce("--gate-timeout-s", "60", fallback=kind)
        pod.give(0)
        pod.give(1)
        with pod.testpmd(fallback=kind, app=(*SLOW, "--port-topology=loop")) as pmd:
            rows = pmd.ready().command("show port summary all").splitlines()
            ids = [row.split()[0] for row in rows if "net_failsafe" in row]
            for number, port in enumerate(ids):
                assert [state["gate"] for state in pod.states()[number:]] == ["closed"] * (
                    2 - number
                )
                pmd.command(f"port start {port}")
                pmd.wait(rf"fakevf: vf{number} probed")
            assert {state["guard"] for state in pod.states()} == {"active"}
