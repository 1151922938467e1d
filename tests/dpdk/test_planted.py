"""Faults put into the guard by hand: the tests of survival can fail, and the guard speaks up."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dpdk import lines
from dpdk.lines import Line
from dpdk.pod import Pod
from dpdk.test_guard import compiled
from dpdk.test_survival import AT_START, STARTS, forwards
from sim.sidecar.fdpipe import SOURCES

LINES = tuple(name for name in lines.names() if name != "22.11")
# The rx burst is demanded as the first word of an entry, where DPDK had it up to 23.07.
RX_FIRST = ("return rx && tx", "return words && LOAD(entry) == bursts.rx && tx")


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """The guard with that fault."""
    sources = tmp_path / "fdpipe"
    shutil.copytree(SOURCES, sources, ignore=shutil.ignore_patterns("build"))
    file = sources / "guard/burst_copies.c"
    right, wrong = RX_FIRST
    text = file.read_text()
    assert text.count(right) == 1
    file.write_text(text.replace(right, wrong))
    compiled(["make", "-s", "-C", sources, "build/guard.so"])
    return sources / "build" / "guard.so"


def test_a_guard_that_looks_at_the_first_word_alone_saves_nobody_and_says_so(
    pod: Pod, line: Line, planted: Path
) -> None:
    sidecar = pod.announce("--gate", "immediate", "--guard-file", str(planted))
    pod.give()
    with pod.testpmd(app=("--disable-device-start", "--portlist=1"), vdevs=["net_null7"]) as pmd:
        STARTS[AT_START](pmd)
        assert forwards(pod, "vf0")
        assert pmd.count("keeps the burst functions of lcores where they are not found") == 1
        sidecar.wait_log("guard", detail="partial")
        pod.revoke()
        assert pmd.end() < 0, line.name


def test_behind_the_gate_such_a_guard_still_cures_the_second_release(
    pod: Pod, planted: Path
) -> None:
    """The sidecar goes by what the guard says: it waits for the port to be started."""
    sidecar = pod.announce("--gate-timeout-s", "2", "--guard-file", str(planted))
    pod.give()
    with pod.testpmd() as pmd:
        pmd.ready().forward()
        sidecar.wait_log("guard", detail="partial")
        opened, asked = sidecar.wait_log("gate", detail="open"), sidecar.wait_log("hungry")
        assert opened.at - asked.at > 1.9e9
        assert forwards(pod, "vf0")
        pod.revoke()
        assert forwards(pod, "netvsc0")
        assert pmd.quit() == 0
