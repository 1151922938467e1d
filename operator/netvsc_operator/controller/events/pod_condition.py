"""Pod condition netvsc.io/Accelerated: whether every pair of the pod forwards over its VF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netvsc.model.status import PairStatus, Truth
from netvsc_operator.controller.events import messages
from netvsc_operator.controller.events.phase import TABLE, WITHHELD, state_of

TYPE = "netvsc.io/Accelerated"
_WORST_FIRST = (Truth.FALSE, Truth.UNKNOWN, Truth.TRUE)


@dataclass(frozen=True, slots=True)
class Accelerated:
    """`reason` is the worst pair's, `message` names all that are not accelerated."""

    status: Truth
    reason: str
    message: str


def accelerated(pairs: Sequence[PairStatus], *, sidecar: bool) -> Accelerated:
    """Return the condition of a pod that holds `pairs` (at least one)."""
    named = [(messages.name_of(pair), _of(pair, sidecar=sidecar)) for pair in pairs]
    worst = min((one for _, one in named), key=lambda one: _WORST_FIRST.index(one.status))
    alike = [(name, one) for name, one in named if one.status is worst.status]
    return Accelerated(
        worst.status, worst.reason, "; ".join(f"{name}: {one.message}" for name, one in alike)
    )


def _of(pair: PairStatus, *, sidecar: bool) -> Accelerated:
    state = state_of(pair, sidecar=sidecar)
    row, announced = TABLE[state], pair.announcement
    own = announced.reason if announced and row.reason == WITHHELD else None
    reason = own or row.reason
    return Accelerated(row.accelerated, reason, messages.condition(pair, state, reason=reason))
