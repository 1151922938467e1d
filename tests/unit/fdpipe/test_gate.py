"""When an application may be offered its first VF: the code that is shipped."""

from __future__ import annotations

import pytest

from sim.sidecar.machines import MS, Gate, GateMachine

POLL, TIMEOUT, START = 100 * MS, 10_000 * MS, 1_000 * MS


def gate(mode: Gate = Gate.AUTO) -> GateMachine:
    return GateMachine(mode, poll=POLL, timeout=TIMEOUT)


def test_immediate_is_open_before_anything_happens() -> None:
    assert gate(Gate.IMMEDIATE).step(1, present=False)


@pytest.mark.parametrize("mode", [Gate.AUTO, Gate.STARTED])
def test_without_an_application_it_stays_closed(mode: Gate) -> None:
    machine = gate(mode)
    assert not machine.step(START, present=False)
    assert machine.deadline == 0


def test_with_a_guard_it_opens_with_the_first_port_that_is_started() -> None:
    machine = gate()
    assert not machine.step(START, tap=7, guarded=True)
    assert machine.step(START + 1, tap=7, tap_up=True, guarded=True)


def test_with_a_guard_and_no_tap_it_opens_half_a_second_after_the_first_reading() -> None:
    machine = gate()
    assert not machine.step(START + 1, asked_at=START, guarded=True)
    assert machine.deadline == START + 500 * MS
    assert not machine.step(START + 500 * MS - 1, asked_at=START + 9, guarded=True)
    assert machine.step(START + 500 * MS, asked_at=START + 9, guarded=True)


def test_with_a_guard_a_tap_that_is_down_keeps_it_closed_however_long_it_takes() -> None:
    """Half a second is for an application that has no tap to tell when its port is started."""
    machine = gate()
    assert not machine.step(START, asked_at=START, tap=7, guarded=True)
    assert machine.deadline == 0
    assert not machine.step(START + 10 * TIMEOUT, asked_at=START, tap=7, guarded=True)
    assert machine.step(START + 10 * TIMEOUT + 1, asked_at=START, tap=7, tap_up=True, guarded=True)


def test_a_guard_that_speaks_late_opens_it_at_once() -> None:
    """It does so when the port is started; until then nobody knows that it is at work."""
    machine = gate()
    assert not machine.step(START, asked_at=START)
    assert not machine.step(START + 1500 * MS, asked_at=START)
    assert machine.step(START + 1500 * MS, asked_at=START, guarded=True)


def test_without_a_guard_it_opens_three_polls_after_the_start_of_the_ports() -> None:
    machine = gate()
    assert not machine.step(START, tap=7, tap_up=True)
    assert machine.deadline == START + 3 * POLL
    assert not machine.step(START + 3 * POLL - 1, tap=7, tap_up=True)
    assert machine.step(START + 3 * POLL, tap=7, tap_up=True)
    assert machine.deadline == 0


def test_the_mode_started_does_not_believe_in_the_guard() -> None:
    machine = gate(Gate.STARTED)
    assert not machine.step(START, tap=7, tap_up=True, guarded=True)
    assert machine.deadline == START + 3 * POLL


def test_without_guard_and_tap_it_opens_after_the_time_limit() -> None:
    machine = gate()
    assert not machine.step(START, asked_at=START)
    assert machine.deadline == START + TIMEOUT
    assert machine.step(START + TIMEOUT, asked_at=START)


def test_a_tap_that_is_down_says_not_started_however_long_it_takes() -> None:
    machine = gate()
    assert not machine.step(START, asked_at=START, tap=7)
    assert machine.deadline == 0
    assert not machine.step(START + 10 * TIMEOUT, asked_at=START, tap=7)


def test_a_port_that_is_stopped_later_leaves_it_open() -> None:
    machine = gate()
    machine.step(START, tap=7, tap_up=True)
    assert machine.step(START + 3 * POLL, tap=7, tap_up=True)
    assert machine.step(START + 4 * POLL, tap=7, tap_up=False)


@pytest.mark.parametrize("tap", [0, 8])
def test_it_closes_when_the_tap_vanishes_or_is_another_applications(tap: int) -> None:
    machine = gate()
    machine.step(START, tap=7, tap_up=True)
    assert machine.step(START + 3 * POLL, tap=7, tap_up=True)
    assert not machine.step(START + 4 * POLL, tap=tap, tap_up=True)


def test_it_closes_when_the_application_ends_and_its_readings_are_forgotten() -> None:
    machine = gate()
    machine.step(START, asked_at=START)
    assert machine.step(START + TIMEOUT, asked_at=START)
    assert not machine.step(START + TIMEOUT + 1, asked_at=START, present=False)
    assert not machine.step(START + TIMEOUT + 2, asked_at=START)
    assert machine.deadline == 0
    again = START + TIMEOUT + 3
    assert not machine.step(again, asked_at=again)
    assert machine.deadline == again + TIMEOUT


def test_a_new_sidecar_of_a_running_application_counts_from_its_own_start() -> None:
    machine = gate()
    machine.assume_asked(START)
    assert not machine.step(START, present=True)
    assert machine.step(START + TIMEOUT, present=True)
