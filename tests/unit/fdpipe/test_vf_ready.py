"""Whether a VF may be offered, and why not: the code that is shipped."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sim.sidecar.machines import MS, Ready, ReadyMachine, Verbs

SETTLE, START = 30 * MS, 1_000 * MS


def machine() -> ReadyMachine:
    return ReadyMachine(settle=SETTLE)


def test_a_whole_vf_is_usable_once_it_has_been_steady() -> None:
    vf = machine()
    assert not vf.step(START)
    assert (vf.why, vf.deadline) == (Ready.SETTLING, START + SETTLE)
    assert not vf.step(START + SETTLE - 1)
    assert vf.step(START + SETTLE)
    assert vf.deadline == 0


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ({"there": 0}, Ready.AWAY),
        ({"joined": 0}, Ready.NOT_JOINED),
        ({"bound": 0}, Ready.UNBOUND),
        ({"conflict": 1}, Ready.CONFLICT),
    ],
)
def test_a_vf_that_is_not_whole_is_withheld_with_its_reason(
    missing: dict[str, int], why: Ready
) -> None:
    vf = machine()
    vf.step(START)
    assert vf.step(START + SETTLE)
    assert not vf.step(START + 2 * SETTLE, **missing)
    assert vf.why is why
    assert not vf.step(START + 3 * SETTLE)
    assert vf.step(START + 4 * SETTLE)


def test_a_flap_starts_the_settling_anew_though_no_look_saw_it_away() -> None:
    vf = machine()
    vf.step(START)
    assert vf.step(START + SETTLE)
    assert not vf.step(START + 2 * SETTLE, instance=2)


def test_a_new_name_delays_a_vf_that_settles_and_leaves_a_usable_one_alone() -> None:
    vf = machine()
    vf.step(START)
    assert not vf.step(START + SETTLE - 1, shape=1)
    assert not vf.step(START + SETTLE, shape=1)
    assert vf.step(START + 2 * SETTLE - 1, shape=1)
    assert vf.step(START + 2 * SETTLE, shape=2)


def test_a_driver_that_is_bound_late_is_looked_for_ever_more_rarely_and_not_for_ever() -> None:
    vf = machine()
    now, looks = START, []
    while True:
        vf.step(now, bound=0)
        if not vf.deadline:
            break
        looks.append(vf.deadline - now)
        now = vf.deadline
    assert looks[0] <= 5 * MS
    assert looks == sorted(looks)
    assert looks[-1] <= 500 * MS
    assert len(looks) < 150
    assert now - START > 60_000 * MS


def test_missing_verbs_are_waited_for_two_seconds_and_then_done_without() -> None:
    vf = machine()
    now = START
    while not vf.step(now, needs_verbs=1):
        assert vf.why in (Ready.VERBS_WAIT, Ready.SETTLING)
        now = vf.deadline
    assert now == START + 2_000 * MS + SETTLE
    assert vf.verbs is Verbs.MISSING


def test_without_a_word_of_what_was_given_it_is_offered_and_says_so() -> None:
    vf = machine()
    vf.step(START, needs_verbs=1, verbs=3)
    assert vf.step(START + SETTLE, needs_verbs=1, verbs=3)
    assert vf.verbs is Verbs.UNKNOWN


@pytest.mark.parametrize(("given", "verbs"), [(0, 3), (1 << 2, 3), (1, 64), (1, 1000)])
def test_another_verbs_device_than_was_given_withholds_it(given: int, verbs: int) -> None:
    vf = machine()
    assert not vf.step(START, needs_verbs=1, verbs=verbs, verbs_known=1, container_verbs=given)
    assert not vf.step(
        START + SETTLE, needs_verbs=1, verbs=verbs, verbs_known=1, container_verbs=given
    )
    assert (vf.why, vf.verbs) == (Ready.MISMATCH, Verbs.MISMATCH)


def test_the_verbs_device_that_was_given_is_fine() -> None:
    vf = machine()
    vf.step(START, needs_verbs=1, verbs=3, verbs_known=1, container_verbs=1 << 3)
    assert vf.step(START + SETTLE, needs_verbs=1, verbs=3, verbs_known=1, container_verbs=1 << 3)
    assert vf.verbs is Verbs.OK


FACTS = st.fixed_dictionaries(
    {
        "there": st.integers(0, 1),
        "joined": st.integers(0, 1),
        "bound": st.integers(0, 1),
        "conflict": st.integers(0, 1),
        "needs_verbs": st.integers(0, 1),
        "verbs_known": st.integers(0, 1),
        "verbs": st.integers(-1, 70),
        "container_verbs": st.integers(0, 2**64 - 1),
        "instance": st.integers(0, 2),
        "shape": st.integers(0, 2),
    }
)


@given(st.lists(st.tuples(st.integers(0, 3_000), FACTS)))
def test_nothing_is_usable_that_is_not_whole(history: list[tuple[int, dict[str, int]]]) -> None:
    vf, now = machine(), START
    for pause, facts in history:
        now += pause * MS
        usable = vf.step(now, **facts)
        whole = facts["there"] and facts["joined"] and facts["bound"] and not facts["conflict"]
        assert whole or not usable
        assert usable or vf.why is not Ready.OK
        assert vf.deadline == 0 or vf.deadline >= now
