"""exec() in place of fd(): for images whose entry point cannot be wrapped by a launcher."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from dpdk import lines
from dpdk.lines import Line
from dpdk.pod import Pod, af_packet, failsafe, tap
from dpdk.storm import rounds
from dpdk.test_survival import forwards, lose
from dpdk.testpmd import NOT_THERE, PLUGGED, STARTED, Testpmd
from dpdk.verdicts import Table, Verdict

LINES = lines.names()
UNTIL_STARTED = ("--disable-device-start",)


def commanded(pod: Pod, fallback: str, *, app: Sequence[str]) -> AbstractContextManager[Testpmd]:
    """As the webhook leaves such a container: the guard by its environment, no launcher."""
    source = f"exec({pod.dir}/bin/fdpipe,vf,00)"
    return pod.run_testpmd(
        pod.inside(),
        vdevs=[failsafe(0, fallback, source=source)],
        env={"LD_PRELOAD": str(pod.dir / "bin" / "guard.so")},
        app=app,
    )


def test_the_gate_holds_for_the_command_too(pod: Pod) -> None:
    pod.announce(fallback=tap)
    pod.give()
    with commanded(pod, tap(0), app=UNTIL_STARTED) as pmd:
        pmd.ready()
        assert not pmd.count(PLUGGED)
        assert pod.states()[0]["reason"] == "Gate"
        since = pmd.mark()
        pmd.command("port start all")
        pmd.wait(PLUGGED, since)


def test_with_a_command_there_is_nothing_stale_to_read(pod: Pod, line: Line, table: Table) -> None:
    """Each removal at once followed by another address; the sidecar is killed now and then."""
    sidecar = pod.announce("--gate-timeout-s", "1")
    wanted = rounds(6, 60)
    with commanded(pod, af_packet(0), app=()) as pmd:
        pmd.ready().forward()
        for number in range(wanted):
            since = pmd.mark()
            pod.give(moved=number)
            pmd.wait(STARTED, pmd.wait(PLUGGED, since).end())
            assert forwards(pod, "vf0")
            if number % 4 == 3:
                sidecar.kill()
                sidecar = pod.announce("--gate-timeout-s", "1")
            lose(pod, pmd)
            assert forwards(pod, "netvsc0")
        assert pmd.quit() == 0
        assert not pmd.count(NOT_THERE)
    table.add(
        Verdict(line=line.name, remedy="exec", case="removals with address changes",
                survived=wanted, removals=wanted, traffic=True)
    )  # fmt: skip
