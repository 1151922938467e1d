"""Chaos is decided before it begins: one seed, one list of steps."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cluster.chaos.schedule import DECK, ROUND_S, schedule
from cluster.chaos.steps import Act, Kind, Role, Step, lane

SEEDS = st.integers(min_value=0, max_value=10**6)


def steps(acts: tuple[Act, ...]) -> list[Step]:
    return [step for act in acts for storm in act.rounds for step in storm.steps]


@given(seed=SEEDS, seconds=st.floats(min_value=10, max_value=2000))
def test_a_seed_gives_the_same_steps_each_time(seed: int, seconds: float) -> None:
    assert schedule(seed, seconds) == schedule(seed, seconds)


def test_another_seed_gives_other_steps() -> None:
    assert schedule(1, 300) != schedule(2, 300)


@given(seed=SEEDS)
def test_what_is_spared_in_an_act_does_not_happen_in_it(seed: int) -> None:
    for act in schedule(seed, 300):
        assert not {step.kind for step in steps((act,))} & act.spared


@given(seed=SEEDS)
def test_five_minutes_have_twelve_storms_and_every_kind_of_death_and_trouble(seed: int) -> None:
    acts = schedule(seed, 300)
    assert sum(len(act.rounds) for act in acts) == round(300 / ROUND_S)
    done = {step.kind for step in steps(acts)}
    assert {kind for kind, _ in DECK} - done <= {Kind.KILL_AGENT, Kind.OVERRUN}


@given(seed=SEEDS)
def test_twenty_minutes_leave_nothing_out(seed: int) -> None:
    done = {step.kind for step in steps(schedule(seed, 1200))}
    assert {*Kind} <= done


@given(seed=SEEDS)
def test_an_act_kills_a_sidecar_seldom_enough_for_the_kubelets_patience(seed: int) -> None:
    for act in schedule(seed, 1200):
        killed = Counter(step.role for step in steps((act,)) if step.kind is Kind.KILL_SIDECAR)
        assert max(killed.values(), default=0) <= 3


@given(seed=SEEDS)
def test_the_spare_pod_is_created_and_deleted_in_turn(seed: int) -> None:
    for act in schedule(seed, 300):
        churn = [step.kind for step in steps((act,)) if lane(step) == "churn"]
        assert churn[::2] == [Kind.CREATE] * len(churn[::2])
        assert churn[1::2] == [Kind.DELETE] * len(churn[1::2])


def test_what_a_vf_suffers_and_what_a_process_suffers_run_side_by_side() -> None:
    flap = Step(at=1, kind=Kind.FLAP, role=Role.WITNESS)
    kill = Step(at=1, kind=Kind.KILL_SIDECAR, role=Role.WITNESS)
    assert lane(flap) == "host, witness"
    assert lane(kill) == "deaths"
    assert lane(Step(at=1, kind=Kind.API_CUT)) != lane(kill)


def test_at_its_peak_one_vf_flaps_more_often_than_nine_hundred_times_an_hour() -> None:
    storms = [storm.steps for act in schedule(3, 1200) for storm in act.rounds]
    flaps = [
        sum(1 for step in storm if step.kind is Kind.FLAP and step.role is role)
        for storm in storms
        for role in Role
    ]
    longest = 15.0  # seconds of a storm
    assert max(flaps) / longest * 3600 > 900
