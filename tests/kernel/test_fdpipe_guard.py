"""What the sidecar makes of what it is told of the guard, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sim.sidecar.fdpipe import Pod, Reader

QUICK = ("--gate", "immediate", "--poll-ms", "20", "--settle-ms", "5")


@pytest.fixture
def pod() -> Iterator[Pod]:
    with Pod() as made:
        yield made


def test_with_a_guard_the_gate_opens_half_a_second_after_the_first_reading(pod: Pod) -> None:
    sidecar = pod.sidecar("--poll-ms", "20", "--settle-ms", "5", "--gate-timeout-s", "60")
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        assert pod.ask("guard 00 active") == "ok\n"
        assert reader.read() == b"\n"
        hungry, opened = sidecar.wait_log("hungry"), sidecar.wait_log("gate open")
        assert 0.4 < (opened.at - hungry.at) / 1e9 < 2.0


def test_a_new_sidecar_remembers_the_guard_of_a_running_application(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    with Reader(pod.pipe) as reader:
        sidecar.wait_log("opened")
        pod.ask("guard 00 active")
        sidecar.kill()
        pod.sidecar(*QUICK)
        assert pod.status()["guard"] == "active"
        assert reader.read() == b"\n"


def test_the_guard_of_an_application_that_ended_is_not_the_next_ones(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    with Reader(pod.pipe):
        sidecar.wait_log("opened")
        pod.ask("guard 00 active")
    sidecar.wait_log("closed")
    sidecar.kill()
    with Reader(pod.pipe):
        pod.sidecar(*QUICK)
        assert pod.status()["guard"] == "unknown"


def test_a_new_sidecar_knows_what_the_guard_said_where_the_application_asks_by_vf(
    pod: Pod,
) -> None:
    sidecar = pod.sidecar(*QUICK)
    pod.ask("vf 00 loaded")
    pod.ask("guard 00 active")
    sidecar.kill()
    pod.sidecar(*QUICK)
    pod.ask("vf 00 loaded")
    assert pod.status()["guard"] == "active"
