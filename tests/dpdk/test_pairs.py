"""Two and three pairs in one application, and NICs that share a PCI function."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dpdk import lines, machine
from dpdk.lines import Line
from dpdk.pod import Pod, af_packet, failsafe, mac_of, pci_of, tap
from dpdk.rig import LINE
from dpdk.storm import rounds
from dpdk.test_survival import forwards
from dpdk.testpmd import PLUGGED, Testpmd
from dpdk.verdicts import Table, Verdict
from sim.kernel.host import SimVf
from sim.kernel.systree import PciFacts

LINES = lines.names()
BACK = r"fakevf: vf{0} probed as port (\d+)(?s:.*?)[Ss]tarting sub_device 0"
GONE = r"(?s)fakevf: net_fakevf_\S+ removed(?:.*fakevf: net_fakevf_\S+ removed){{{0}}}"


def port_ids(pmd: Testpmd) -> dict[str, str]:
    """Which port each fail-safe is, and each VF."""
    shown = pmd.command("show port summary all")
    ids = {
        m[2]: m[1] for m in re.finditer(r"^(\d+) .*?(net_failsafe_vsc\d\d)", shown, re.MULTILINE)
    }
    return ids | dict(re.findall(PLUGGED, pmd.text()))


def all_back(pod: Pod, pmd: Testpmd, since: int) -> None:
    for number in range(pod.pairs):
        pmd.wait(BACK.format(number), since)


@pytest.mark.parametrize("pairs", [2, 3])
@pytest.mark.parametrize("fallback", [tap, af_packet])
def test_port_ids_are_the_same_at_every_start_with_the_vfs_there(
    line: Line, pairs: int, fallback: Callable[[int], str]
) -> None:
    """An application is told its ports by number; a VF that came early would shift them."""
    with Pod(pairs, line=line) as pod:
        pod.announce(fallback=fallback)
        for number in range(pairs):
            pod.give(number)
        seen = []
        for _ in range(rounds(2, 10)):
            with pod.testpmd(fallback=fallback) as pmd:
                all_back(pod, pmd.ready(), 0)
                seen.append(failsafes(port_ids(pmd)))
                assert pmd.quit() == 0
    assert seen[0] == {f"net_failsafe_vsc{n:02d}": str(2 * n) for n in range(pairs)}
    assert all(ids == seen[0] for ids in seen)


def failsafes(ids: dict[str, str]) -> dict[str, str]:
    return {name: port for name, port in ids.items() if "failsafe" in name}


def all_echo(pod: Pod, kind: str) -> bool:
    return all(forwards(pod, f"{kind}{number}") for number in range(pod.pairs))


@pytest.mark.parametrize("pairs", [2, 3])
def test_all_vfs_leave_at_once_and_every_pair_keeps_its_own(
    line: Line, pairs: int, table: Table
) -> None:
    """As host servicing does it; they return in another order."""
    wanted = rounds(3, 30)
    with Pod(pairs, line=line) as pod:
        pod.announce()
        with pod.testpmd(app=("--port-topology=loop",)) as pmd:
            pmd.ready().forward()
            before = failsafes(port_ids(pmd))
            for turn in range(wanted):
                since = pmd.mark()
                for number in range(pairs):
                    pod.give((number + turn) % pairs)
                all_back(pod, pmd, since)
                assert all_echo(pod, "vf")
                since = pmd.mark()
                for number in range(pairs):
                    pod.revoke(number)
                pmd.wait(GONE.format(pairs - 1), since)
                assert all_echo(pod, "netvsc")
                assert failsafes(port_ids(pmd)) == before
            # a token that came back too soon would have cancelled the line before it
            assert [state["failedPlugs"] for state in pod.states()] == [0] * pairs
            assert pmd.quit() == 0
    table.add(
        Verdict(line=line.name, remedy="guard", case=f"{pairs} pairs, all at once",
                survived=wanted * pairs, removals=wanted * pairs, traffic=True, ports_stable=True)
    )  # fmt: skip


def test_each_pair_has_its_own_name_of_one_width_one_poll_time_and_no_mac() -> None:
    with Pod(3) as pod:
        pod.announce()
        with pod.testpmd() as pmd:
            command = Path(f"/proc/{pmd.ready().process.pid}/cmdline").read_text()
    words = [word for word in command.split("\0") if "net_failsafe" in word]
    assert len(words) == 3
    assert len({len(word) for word in words}) == 1
    assert {word.split("hotplug_poll=")[1] for word in words} == {"100"}
    assert "mac=" not in command


def test_a_mana_ports_line_names_the_function_and_the_mac_and_dpdk_understands_it(pod: Pod) -> None:
    """Its PCI function serves all ports; the function itself is not here, so the probe fails."""
    facts = PciFacts(address=pci_of(0), driver="mana", verbs=(("uverbs0", "mana_0"),))
    pod.host.nics["netvsc0"].vf = SimVf(name="vf0", facts=facts)
    sidecar = pod.sidecar("--guard-file", str(machine.guard()))
    with pod.testpmd() as pmd:
        pmd.ready()
        pod.give()
        line = f"{pci_of(0)},mac={mac_of(0)}"
        sidecar.wait_log("offered", detail=line)
        pmd.wait(rf"(?is)net_failsafe: {line}.*sub_device 0 probe failed")


def test_two_fail_safe_ports_on_one_device_do_not_work_only_the_first_ever_has_it(
    pod: Pod,
) -> None:
    """Two NetVSCs on one PCI function, as on MANA: hence we refuse such a pair of pairs."""
    pod.give()
    pipes = [os.pipe() for _ in range(2)]
    try:
        ports = [failsafe(n, tap(n), source=f"fd({pipes[n][0]})") for n in range(2)]
        with pod.run_testpmd(
            pod.inside(), vdevs=ports, pass_fds=[reader for reader, _ in pipes]
        ) as pmd:
            since = pmd.ready().mark()
            for _, writer in pipes:
                os.write(writer, f"{LINE}\n".encode())
            pmd.wait(PLUGGED, since)
            pmd.wait(r"owner set failed|is not my", since)
            assert pmd.count(PLUGGED, since) == 1
    finally:
        for pipe in pipes:
            for fd in pipe:
                os.close(fd)
