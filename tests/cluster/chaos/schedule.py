"""From a seed to everything that will be done. Pure."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from cluster.chaos.steps import APPLICATIONS, Act, Kind, Role, Round, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

STORM_S = (10.0, 15.0)
ROUND_S = 25.0  # a storm and its quiet, as it is on a machine with 2 cores
ROUNDS_OF_AN_ACT = 5
SLOTS = range(2, 10)
STEADY_S = 4.0  # 900 flaps an hour
BURST = (4, 8)  # flaps, as fast as they can be made
# Each card is dealt once before any is dealt again. The kubelet lets a sidecar wait longer after
# each death (10 s, 20 s …), so there is one card for each, and each act begins with new pods.
DECK: tuple[tuple[Kind, Role | None], ...] = (
    (Kind.KILL_AGENT, None),
    (Kind.KILL_AGENT, None),
    (Kind.KILL_CONTROLLER, None),
    (Kind.KILL_CONTROLLER, None),
    (Kind.KILL_WEBHOOK, None),
    (Kind.KILL_KUBELET, None),
    (Kind.KILL_RUNTIME, None),
    (Kind.KILL_SIDECAR, Role.FORWARDER),
    (Kind.KILL_SIDECAR, Role.WITNESS),
    (Kind.OVERRUN, None),
    (Kind.OVERRUN, None),
    (Kind.FULL_DISK, None),
    (Kind.API_CUT, None),
    (Kind.CONTROLLER_CUT, None),
)
_LASTS = {  # seconds
    Kind.API_CUT: (1.0, 5.0),
    Kind.CONTROLLER_CUT: (2.0, 6.0),
    Kind.FULL_DISK: (2.0, 6.0),
}
_SPARED = (frozenset({Kind.KILL_AGENT, Kind.OVERRUN}), frozenset({Kind.KILL_CONTROLLER}))


def schedule(seed: int, seconds: float) -> tuple[Act, ...]:
    """Acts whose rounds take about so long; at least one act that spares each."""
    dice = random.Random(seed)
    rounds = max(2, round(seconds / ROUND_S))
    acts = max(2, round(rounds / ROUNDS_OF_AN_ACT))
    sizes = [rounds // acts + (number < rounds % acts) for number in range(acts)]
    return tuple(_act(dice, size, _SPARED[number % 2]) for number, size in enumerate(sizes))


def _act(dice: random.Random, size: int, spared: frozenset[Kind]) -> Act:
    cards, pod = _dealt(dice, spared), _Churn()
    rounds = tuple(_round(dice, cards, pod) for _ in range(size))
    return Act(rounds=rounds, spared=spared)


def _dealt(dice: random.Random, spared: frozenset[Kind]) -> Iterator[tuple[Kind, Role | None]]:
    while True:
        deck = [card for card in DECK if card[0] not in spared]
        dice.shuffle(deck)
        yield from deck


def _round(dice: random.Random, cards: Iterator[tuple[Kind, Role | None]], pod: _Churn) -> Round:
    length = dice.uniform(*STORM_S)
    steps = [step for role in Role for step in _flaps(dice, role, length)]
    steps += [_card(dice, next(cards), length) for _ in range(dice.randint(3, 5))]
    steps += pod.steps(dice, length)
    return Round(steps=tuple(sorted(steps, key=lambda step: step.at)))


def _card(dice: random.Random, card: tuple[Kind, Role | None], length: float) -> Step:
    kind, role = card
    seconds = dice.uniform(*_LASTS[kind]) if kind in _LASTS else 0.0
    return Step(at=dice.uniform(0, length), kind=kind, role=role, seconds=seconds)


def _flaps(dice: random.Random, role: Role, length: float) -> list[Step]:
    """One VF's storm. In one of four it is away when the quiet comes, and back soon after it."""
    moments = _burst if dice.random() < 0.4 else _steady
    if role not in APPLICATIONS and dice.random() < 0.5:
        return []
    steps = [Step(at=0.0, kind=Kind.GIVE, role=role, slot=dice.choice(SLOTS))]
    for at in moments(dice, length):
        absence = dice.choice((0.0, 0.02, 0.05, 0.3, 1.0, dice.uniform(0.0, 2.0)))
        slot = dice.choice(SLOTS)
        steps.append(Step(at=at, kind=Kind.FLAP, role=role, slot=slot, seconds=absence))
    if dice.random() < 0.25:
        steps.append(Step(at=length, kind=Kind.REVOKE, role=role))
    return steps


def _steady(dice: random.Random, length: float) -> list[float]:
    times = round(length / STEADY_S)
    return sorted(dice.uniform(0.5, length) for _ in range(times))


def _burst(dice: random.Random, length: float) -> list[float]:
    """Flaps due at once follow each other as fast as the lane carries them out."""
    begin, times = dice.uniform(0.5, length / 2), dice.randint(*BURST)
    return [begin + number * dice.uniform(0.0, 0.3) for number in range(times)]


class _Churn:
    """One pod that comes and goes; it is as it was left when the next storm begins."""

    def __init__(self) -> None:
        self._there = False

    def steps(self, dice: random.Random, length: float) -> list[Step]:
        moments = sorted(dice.uniform(0, length) for _ in range(dice.randint(1, 3)))
        return [self._next(at) for at in moments]

    def _next(self, at: float) -> Step:
        self._there = not self._there
        kind = Kind.CREATE if self._there else Kind.DELETE
        return Step(at=at, kind=kind, role=Role.SPARE)
