"""What was counted was told, once; a process that grows is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.chaos.growth import Usage, judge_growth
from cluster.chaos.seen import Invariant
from cluster.chaos.telling import (
    Counted,
    Event,
    judge_counts,
    judge_events,
    judge_pods,
)
from netvsc.model.pair import Path, VfSeen
from netvsc.model.status import PairStatus, VfStatus
from netvsc_operator.controller.events import messages
from netvsc_operator.controller.events.phase import VfPhase

ID = "00-0d-3a-c0-00-01"
PAIR = PairStatus(
    id=ID,
    netvsc="eth1",
    pool="pair",
    resource="netvsc.io/pair",
    path=Path.VF,
    vf_seen=VfSeen.PRESENT,
    vf=VfStatus(pci="9b31:00:02.0", interface="veth1"),
    last_revoked="2026-01-02T03:04:05.000000Z",
)
COUNTED = Counted(id=ID, revocations=3, returns=1, revoked=3, exact=True)


def revoked(times: int, *, kind: str = "Node", about: str = "node1", at: str = "05") -> Event:
    """As the controller words it."""
    pair = replace(PAIR, last_revoked=f"2026-01-02T03:04:{at}.000000Z")
    note = messages.revoked(pair, pci="9b31:00:02.0", times=times)
    return Event(reason="VFRevoked", kind=kind, about=about, note=note)


def returned(times: int) -> Event:
    note = messages.returned(PAIR, times=times, phase=VfPhase.TAKEN)
    return Event(reason="VFReturned", kind="Node", about="node1", note=note)


def test_the_controllers_own_words_are_understood() -> None:
    assert [revoked(1).times, revoked(4).times, returned(2).times] == [1, 4, 2]
    assert revoked(2).pair == ID


def test_three_revocations_may_be_told_as_one_and_two() -> None:
    told = [revoked(1), revoked(2, at="06"), returned(1)]
    assert [*judge_events([COUNTED], told)] == []


@pytest.mark.parametrize(
    "told",
    [
        [revoked(1), returned(1)],
        [revoked(3), revoked(1, at="06"), returned(1)],
        [revoked(3)],
        [revoked(3), returned(1), returned(1)],
    ],
)
def test_what_was_not_told_or_told_twice_is_seen(told: list[Event]) -> None:
    assert {one.invariant for one in judge_events([COUNTED], told)} == {Invariant.EVENT}


def test_the_same_words_twice_are_seen_even_if_the_sum_fits() -> None:
    twice = replace(COUNTED, revocations=2)
    [found] = judge_events([twice], [revoked(1), revoked(1), returned(1)])
    assert "twice" in found.what


def test_a_pod_that_was_not_told_is_seen() -> None:
    told = [revoked(2, kind="Pod", about="uid-1")]
    assert [*judge_pods({"uid-1": 2}, told)] == []
    [found] = judge_pods({"uid-1": 3}, told)
    assert found.invariant is Invariant.EVENT


def test_with_an_agent_that_lives_each_revocation_is_counted_and_without_none_is_invented() -> None:
    assert [*judge_counts([COUNTED])] == []
    assert len([*judge_counts([replace(COUNTED, revoked=4)])]) == 1
    merged = replace(COUNTED, revoked=9, exact=False)
    assert [*judge_counts([merged])] == []
    assert len([*judge_counts([replace(merged, revocations=10)])]) == 1


USAGE = Usage(who="agent", pid=1, started=1, rss_kib=50_000, fds=40, threads=12)


@pytest.mark.parametrize("grown", [{"fds": 60}, {"threads": 30}, {"rss_kib": 80_000}])
def test_a_process_that_grew_is_seen_and_so_is_a_successor_that_is_bigger(
    grown: dict[str, int],
) -> None:
    later = replace(USAGE, **grown)  # type: ignore[arg-type]
    assert {one.invariant for one in judge_growth([USAGE, later])} == {Invariant.LEAK}
    successor = replace(later, pid=2, started=9)
    assert {one.invariant for one in judge_growth([USAGE, successor])} == {Invariant.LEAK}


def test_a_process_that_breathes_is_well() -> None:
    later = replace(USAGE, fds=45, rss_kib=53_000)
    assert [*judge_growth([USAGE, later, USAGE])] == []
