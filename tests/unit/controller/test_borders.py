"""What the controller says and remembers where one fact is missing, or two are of one moment."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from netvsc.encoding.timestamps import to_text
from netvsc.model.pair import Path
from netvsc.model.status import AnnounceState, PairStatus
from netvsc_operator.controller.events import messages, reannounce, reported, rules
from netvsc_operator.controller.events.phase import phase_of
from netvsc_operator.controller.events.pod_condition import accelerated
from netvsc_operator.controller.events.reported import PairReported, Reported
from netvsc_operator.controller.events.rules import Situation
from netvsc_operator.controller.pools import node_spec
from netvsc_operator.controller.pools import status as pool_status
from netvsc_operator.controller.pools.status import PoolTotals
from netvsc_operator.pools.registry import registry_of
from sim.cluster.nodes import held, pair, returned, revoked, said, taken

ONE = held(pair(1))
NOON = 1_767_355_200.0


def back(*, taken_s: float | None) -> PairStatus:
    """A VF that went at noon, came back after 10 s, and was taken so many seconds later."""
    one = replace(
        returned(revoked(ONE)),
        last_revoked=to_text(NOON),
        last_returned=to_text(NOON + 10),
        last_outage_seconds=10.0,
    )
    if taken_s is None:
        return said(one, AnnounceState.AWAY, taken_at=None)
    return taken(one, taken_at=to_text(NOON + 10 + taken_s))


def note(one: PairStatus) -> str:
    return messages.returned(one, times=1, phase=phase_of(one, sidecar=True))


def test_a_vf_that_came_back_was_taken_so_much_later_if_the_moments_are_known() -> None:
    assert note(back(taken_s=0.25)).endswith("took it 0.250 s later")
    assert note(back(taken_s=0)).endswith("took it 0.000 s later")
    assert note(back(taken_s=-1)).endswith("took it")
    assert note(replace(back(taken_s=1), last_returned=None)).endswith("took it")
    assert note(said(back(taken_s=1), AnnounceState.TAKEN, taken_at=None)).endswith("took it")


def test_one_that_is_away_again_is_said_to_have_been_taken_only_if_it_was() -> None:
    for taken_s in (0, 1):
        gone = note(revoked(back(taken_s=taken_s)))
        assert "took it" in gone
        assert "away again" in gone
        assert "VF 9b33:00:01.0 of" in gone
    for one in (back(taken_s=-1), back(taken_s=None), replace(back(taken_s=1), last_returned=None)):
        gone = note(revoked(one))
        assert "took it" not in gone
        assert "away again" in gone


def test_a_vf_that_nobody_saw_has_no_address() -> None:
    assert "VF unknown of" in note(replace(revoked(back(taken_s=1)), last_vf=None))


def test_the_pod_that_holds_the_pair_is_named_and_where_none_does_none_is() -> None:
    assert "of pod default/fwd-0" in note(back(taken_s=1))
    assert "of pod" not in note(replace(back(taken_s=1), allocation=None))


def test_an_order_that_nobody_carried_out_is_told_as_that() -> None:
    late = back(taken_s=None)
    silent = replace(late, announcement=None)
    for one in (silent, said(late, AnnounceState.AWAY, ordered=1)):
        found = rules.escalation(Situation(pair=one, phase=phase_of(late, sidecar=True), order=2))
        assert "order 2" in found.note
    done = said(late, AnnounceState.AWAY, ordered=2)
    found = rules.escalation(Situation(pair=done, phase=phase_of(done, sidecar=True), order=2))
    assert "order 2" not in found.note
    first = rules.escalation(Situation(pair=silent, phase=phase_of(late, sidecar=True), order=1))
    assert "order 1" in first.note


def test_a_vf_that_forwards_nothing_is_as_good_as_away() -> None:
    assert phase_of(replace(ONE, path=Path.SYNTHETIC), sidecar=True) is phase_of(
        revoked(ONE), sidecar=True
    )


def test_a_line_that_was_taken_at_the_moment_of_the_outage_was_taken_after_it() -> None:
    one = replace(back(taken_s=-10), last_outage_seconds=10.0)
    assert phase_of(one, sidecar=True) is phase_of(ONE, sidecar=True)
    before = back(taken_s=-10.5)
    assert phase_of(before, sidecar=True) is not phase_of(ONE, sidecar=True)


def test_the_condition_says_why_though_the_agent_gave_no_words() -> None:
    barred = said(ONE, AnnounceState.WITHHELD, reason="VerbsMismatch")
    assert "another verbs device" in accelerated([barred], sidecar=True).message
    with_words = replace(barred, verbs_mismatch="uverbs7 is another's")
    assert "uverbs7 is another's" in accelerated([with_words], sidecar=True).message
    withheld = said(ONE, AnnounceState.WITHHELD, reason=None)
    assert accelerated([withheld], sidecar=True).reason == "Withheld"
    settling = said(ONE, AnnounceState.WITHHELD, reason="Settling")
    assert accelerated([settling], sidecar=True).reason == "Settling"
    other = said(ONE, AnnounceState.OTHER)
    assert accelerated([other], sidecar=True).reason == "NotAnnounced"
    assert "on VF 9b33:00:01.0" in accelerated([ONE], sidecar=True).message


def test_an_order_by_hand_begins_the_tries_anew() -> None:
    found = reannounce.by_hand(PairReported(tries=3, escalated=True))
    assert (found.tries, found.escalated) == (1, False)


def test_what_was_told_is_written_in_one_order_and_a_broken_one_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = PairReported(revoked=1), PairReported(returned=2)
    one_way = reported.write(Reported(pairs={"a": first, "b": second}))
    assert one_way == reported.write(Reported(pairs={"b": second, "a": first}))
    reported.read("{", node="node-1")
    assert "node-1" in caplog.text
    assert caplog.records[0].levelno == logging.WARNING


def test_a_first_sight_needs_no_word_though_the_vf_is_away_then() -> None:
    away = revoked(ONE)
    situation = Situation(pair=away, phase=phase_of(away, sidecar=True))
    assert rules.without_event(situation, PairReported()).pci == "9b33:00:01.0"
    known = PairReported(pci="old", driver="mana")
    assert rules.without_event(situation, known) == known
    unknown_driver = rules.without_event(situation, PairReported(pci="old"))
    assert unknown_driver.driver is None


def test_a_mismatch_that_is_cured_may_be_told_anew() -> None:
    there = Situation(
        pair=replace(ONE, verbs_mismatch="uverbs7"), phase=phase_of(ONE, sidecar=True)
    )
    told = PairReported(mismatch="uverbs7", pci="9b33:00:01.0", driver="mlx5_core")
    assert rules.without_event(there, told).mismatch == "uverbs7"
    assert rules.without_event(replace(there, pair=ONE), told).mismatch is None


def test_a_return_waits_for_an_application_that_is_not_ready_as_long_as_is_left() -> None:
    starting = said(back(taken_s=None), AnnounceState.WITHHELD, reason="Gate")
    now = Situation(pair=starting, phase=phase_of(starting, sidecar=True), waited_s=0.5)
    assert rules.returned_wait_s(now, PairReported()) == 1.5
    assert rules.returned_wait_s(replace(now, waited_s=9.0), PairReported()) == 0.0
    assert rules.returned_wait_s(now, PairReported(returned=starting.returns)) is None
    assert (
        rules.returned_wait_s(replace(now, phase=phase_of(ONE, sidecar=True)), PairReported())
        is None
    )


def unmatched(number: int) -> PoolTotals:
    return PoolTotals(unmatched=frozenset(f"eth{i:02}" for i in range(number)))


def judged(total: PoolTotals, **metadata: Any) -> dict[str, Any]:
    (one,) = registry_of([{"metadata": {"name": "pair", **metadata}, "spec": {}}]).entries
    return pool_status.status(one, total, now="")


def test_a_pool_without_a_generation_is_of_generation_0() -> None:
    assert judged(PoolTotals())["observedGeneration"] == 0
    assert judged(PoolTotals(), generation=3)["observedGeneration"] == 3


@pytest.mark.parametrize(("number", "end"), [(20, "eth18, eth19"), (23, "eth19 and 3 more")])
def test_twenty_names_are_told_and_the_others_counted(number: int, end: str) -> None:
    conditions = judged(unmatched(number))["conditions"]
    (told,) = [one["message"] for one in conditions if one["type"] == "Unmatched"]
    assert told.endswith(end)


def test_two_specs_that_say_the_same_in_another_order_of_keys_are_one() -> None:
    pools = [{"name": "pair", "priority": 3}]
    there = {"spec": {"pools": [{"priority": 3, "name": "pair"}], "foreign": []}}
    assert node_spec.digest(pools, []) == node_spec.digest_of(there)
    assert node_spec.digest([{"name": "other"}], []) != node_spec.digest_of(there)
