"""When an announcement is ordered again: three tries, then an Event says so.

Returned, and not offered or not taken within 2 s: an order makes the sidecar cancel, drain and
start afresh, which heals a deaf sidecar and an unread line. It cannot cure an application that
has stopped to read; that one has to be restarted, which only its owner can decide.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from enum import Enum, auto

from netvsc_operator.controller.events.phase import LATE, VfPhase
from netvsc_operator.controller.events.reported import PairReported

PATIENCE_S = 2.0  # hotplug_poll is 0.1 s, DPDK's default 2 s


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySchedule:
    """How long a VF may be late before the first order, and how long after each."""

    patience_s: float = PATIENCE_S
    pauses_s: tuple[float, ...] = (5.0, 15.0, 45.0)


SCHEDULE = RetrySchedule()


class NextStep(Enum):
    """What comes next for a pair."""

    REST = auto()
    WAIT = auto()
    ORDER = auto()
    ESCALATE = auto()
    FORGET = auto()  # the tries are over: it was taken, or there is nothing to take


@dataclass(frozen=True, slots=True)
class Decision:
    """`wait_s` is how long a WAIT lasts at most."""

    step: NextStep
    wait_s: float = 0.0


def decide(
    phase: VfPhase, reported: PairReported, *, waited_s: float, schedule: RetrySchedule = SCHEDULE
) -> Decision:
    """Decide; `waited_s` is how long it has been in a late phase since the last order."""
    if phase not in LATE:
        tried = reported.tries or reported.escalated
        return Decision(
            NextStep.FORGET if tried and phase is not VfPhase.PATIENT else NextStep.REST
        )
    if reported.escalated:
        return Decision(NextStep.REST)
    limit = schedule.pauses_s[reported.tries - 1] if reported.tries else schedule.patience_s
    if waited_s < limit:
        return Decision(NextStep.WAIT, limit - waited_s)
    return Decision(
        NextStep.ORDER if reported.tries < len(schedule.pauses_s) else NextStep.ESCALATE
    )


def ordered(reported: PairReported) -> PairReported:
    """Note an order of the loop's own."""
    return replace(reported, tries=reported.tries + 1)


def by_hand(reported: PairReported) -> PairReported:
    """Note an order that a person gave: the tries begin anew with it."""
    return replace(reported, tries=1, escalated=False)


def forgotten(reported: PairReported) -> PairReported:
    return replace(reported, tries=0, escalated=False)


class StateTimer:
    """Since when something has been so, in this process: what deadlines are measured from.

    A controller that was killed starts its waiting anew, which makes a deadline late by at most
    itself; what was ordered and reported it finds in the NetvscNode. `clock` is monotonic, in
    seconds; `schedule` says how long is too long.
    """

    def __init__(self, clock: Callable[[], float], schedule: RetrySchedule = SCHEDULE) -> None:
        self.schedule = schedule
        self._clock = clock
        self._since: dict[tuple[str, str], tuple[Hashable, float]] = {}

    def waited(self, node: str, pair: str, state: Hashable) -> float:
        """Return how long `state` has held of a pair, 0 if it is new."""
        known, since = self._since.get((node, pair), (None, 0.0))
        if known != state:
            since = self._clock()
            self._since[node, pair] = (state, since)
        return self._clock() - since

    def settled(self, node: str, pair: str) -> None:
        """Forget a pair that nothing is awaited of."""
        self._since.pop((node, pair), None)

    def forget(self, node: str) -> None:
        for key in [key for key in self._since if key[0] == node]:
            del self._since[key]
