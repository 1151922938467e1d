"""From what is and what was reported: which Event comes next. One at a time, until none is due.

Each draft has a key made of where reporting stood before. Its Event is named after the key, so a
controller that was killed between writing and remembering finds that name taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from netvsc.model.status import PairStatus
from netvsc_operator.controller.events import messages
from netvsc_operator.controller.events.phase import LATE, VfPhase
from netvsc_operator.controller.events.reannounce import PATIENCE_S
from netvsc_operator.controller.events.reasons import EventReason, EventType
from netvsc_operator.controller.events.reported import PairReported

COMPONENT = "netvsc.io/controller"  # reportingController of its Events


Levels = Mapping[str, int | str | bool]  # fields of PairReported


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """`sets` are the fields of PairReported once this was written.

    `at` is when it happened, where that is in the past: a pod made later did not see it.
    """

    reason: EventReason
    type: EventType
    key: str
    note: str
    sets: Levels
    at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """`order` is spec.announce of the pair; `waited_s` how long the phase has lasted."""

    pair: PairStatus
    phase: VfPhase
    order: int = 0
    waited_s: float = 0.0


class _Due(NamedTuple):
    """What a rule found: the rest of a draft."""

    key: str
    note: str
    sets: Levels
    at: str | None = None


def _revoked(now: Situation, reported: PairReported) -> _Due | None:
    times = now.pair.revocations - reported.revoked
    if times <= 0:
        return None
    note = messages.revoked(now.pair, pci=reported.pci, times=times)
    sets: Levels = {"revoked": now.pair.revocations}
    return _Due(f"revoked-{reported.revoked}", note, sets, now.pair.last_revoked)


def _mismatch(now: Situation, reported: PairReported) -> _Due | None:
    found = now.pair.verbs_mismatch
    if not found or found == reported.mismatch:
        return None
    key = f"mismatch-{now.pair.returns}-{reported.mismatch}"
    return _Due(key, messages.mismatch(now.pair, found), {"mismatch": found})


def _address(now: Situation, reported: PairReported) -> _Due | None:
    vf = now.pair.vf
    if vf is None or reported.pci is None or vf.pci == reported.pci:
        return None
    note = messages.address(now.pair, was=reported.pci, now=vf.pci)
    return _Due(f"address-{now.pair.returns}-{reported.pci}", note, {"pci": vf.pci})


def _model(now: Situation, reported: PairReported) -> _Due | None:
    vf = now.pair.vf
    if vf is None or vf.driver is None or reported.driver is None or vf.driver == reported.driver:
        return None
    note = messages.model(now.pair, was=reported.driver, now=vf.driver)
    return _Due(f"model-{now.pair.returns}-{reported.driver}", note, {"driver": vf.driver})


def _repeated(now: Situation, reported: PairReported) -> _Due | None:
    if now.order <= reported.repeated:
        return None
    note = messages.repeated(now.pair, order=now.order, tries=reported.tries)
    return _Due(f"repeated-{reported.repeated}", note, {"repeated": now.order})


def _returned(now: Situation, reported: PairReported) -> _Due | None:
    times = now.pair.returns - reported.returned
    if times <= 0 or not _final(now):
        return None
    note = messages.returned(now.pair, times=times, phase=now.phase)
    sets: Levels = {"returned": now.pair.returns}
    return _Due(f"returned-{reported.returned}", note, sets, now.pair.last_returned)


_Look = Callable[[Situation, PairReported], _Due | None]
# What is looked for, in this order.
_RULES: tuple[tuple[EventReason, EventType, _Look], ...] = (
    (EventReason.VF_REVOKED, EventType.WARNING, _revoked),
    (EventReason.VERBS_MISMATCH, EventType.WARNING, _mismatch),
    (EventReason.VF_ADDRESS_CHANGED, EventType.NORMAL, _address),
    (EventReason.VF_MODEL_CHANGED, EventType.NORMAL, _model),
    (EventReason.ANNOUNCEMENT_REPEATED, EventType.NORMAL, _repeated),
    (EventReason.VF_RETURNED, EventType.NORMAL, _returned),
)


def next_event(now: Situation, reported: PairReported) -> EventDraft | None:
    """Return what is to be reported first, None if all was."""
    for reason, severity, look in _RULES:
        if due := look(now, reported):
            return EventDraft(reason=reason, type=severity, **due._asdict())
    return None


def escalation(now: Situation) -> EventDraft:
    """Report that the orders were in vain, and what helps."""
    sidecar = now.phase is VfPhase.UNOFFERED
    return EventDraft(
        reason=EventReason.SIDECAR_NOT_LISTENING
        if sidecar
        else EventReason.APPLICATION_NOT_LISTENING,
        type=EventType.WARNING,
        key=f"escalated-{now.order}",
        note=messages.escalated(now.pair, order=now.order, phase=now.phase),
        sets={"escalated": True},
    )


def without_event(now: Situation, reported: PairReported) -> PairReported:
    """Take over what needs no Event: a first sight, a cure, counters that began anew."""
    pair = now.pair
    vf = pair.vf or (pair.last_vf if reported.pci is None else None)
    return replace(
        reported,
        revoked=min(reported.revoked, pair.revocations),
        returned=min(reported.returned, pair.returns),
        repeated=min(reported.repeated, now.order),
        pci=reported.pci or (vf.pci if vf else None),
        driver=reported.driver or (vf.driver if vf else None),
        mismatch=reported.mismatch if pair.verbs_mismatch else None,
    )


def _final(now: Situation) -> bool:
    """Tell whether what became of the returned VF is known, or will not be soon."""
    if now.phase in LATE:
        return False
    return now.phase is not VfPhase.PATIENT or now.waited_s >= PATIENCE_S


def returned_wait_s(now: Situation, reported: PairReported) -> float | None:
    """Return how long a return has to wait for its Event, None if nothing waits for a time."""
    waits = now.pair.returns > reported.returned and now.phase is VfPhase.PATIENT
    return max(0.0, PATIENCE_S - now.waited_s) if waits else None
