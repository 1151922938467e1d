"""From what is and what was told: what is to be said next. One thing at a time, until it is level.

Each telling has a key made of where the telling stood before. Its Event is named after the key, so
a controller that was killed between telling and remembering finds that name taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from netvsc.model.status import PairStatus
from netvsc_operator.controller.events import messages
from netvsc_operator.controller.events.phase import LATE, Phase
from netvsc_operator.controller.events.reannounce import PATIENCE_S
from netvsc_operator.controller.events.reported import PairTold

COMPONENT = "netvsc.io/controller"  # reportingController of its Events


class Reason(StrEnum):
    """Reasons of Events (docs/controller.md)."""

    VF_REVOKED = "VFRevoked"
    VF_RETURNED = "VFReturned"
    VF_ADDRESS_CHANGED = "VFAddressChanged"
    VF_MODEL_CHANGED = "VFModelChanged"
    VERBS_MISMATCH = "VerbsMismatch"
    ANNOUNCEMENT_REPEATED = "AnnouncementRepeated"
    APPLICATION_NOT_LISTENING = "ApplicationNotListening"
    SIDECAR_NOT_LISTENING = "SidecarNotListening"


class Severity(StrEnum):
    """The types that Events have."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """`sets` are the fields of PairTold that are level once this was said.

    `at` is when it happened, where that is in the past: a pod made later did not see it.
    """

    reason: Reason
    severity: Severity
    key: str
    note: str
    sets: Mapping[str, int | str | bool]
    at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """`order` is spec.announce of the pair; `waited_s` how long the phase has lasted."""

    pair: PairStatus
    phase: Phase
    order: int = 0
    waited_s: float = 0.0


def next_telling(now: Situation, told: PairTold) -> Telling | None:
    """Return what is to be said first, None if all was said."""
    for look in (_revoked, _mismatch, _address, _model, _repeated, _returned):
        if found := look(now, told):
            return found
    return None


def levelled(now: Situation, told: PairTold) -> PairTold:
    """Take over what needs no word: a first sight, a cure, counters that began anew."""
    pair = now.pair
    vf = pair.vf or (pair.last_vf if told.pci is None else None)
    return replace(
        told,
        revoked=min(told.revoked, pair.revocations),
        returned=min(told.returned, pair.returns),
        repeated=min(told.repeated, now.order),
        pci=told.pci or (vf.pci if vf else None),
        driver=told.driver or (vf.driver if vf else None),
        mismatch=told.mismatch if pair.verbs_mismatch else None,
    )


def _revoked(now: Situation, told: PairTold) -> Telling | None:
    times = now.pair.revocations - told.revoked
    if times <= 0:
        return None
    return Telling(
        reason=Reason.VF_REVOKED,
        severity=Severity.WARNING,
        key=f"revoked-{told.revoked}",
        note=messages.revoked(now.pair, pci=told.pci, times=times),
        sets={"revoked": now.pair.revocations},
        at=now.pair.last_revoked,
    )


def _mismatch(now: Situation, told: PairTold) -> Telling | None:
    said = now.pair.verbs_mismatch
    if not said or said == told.mismatch:
        return None
    return Telling(
        reason=Reason.VERBS_MISMATCH,
        severity=Severity.WARNING,
        key=f"mismatch-{now.pair.returns}-{told.mismatch}",
        note=messages.mismatch(now.pair, said),
        sets={"mismatch": said},
    )


def _address(now: Situation, told: PairTold) -> Telling | None:
    vf = now.pair.vf
    if vf is None or told.pci is None or vf.pci == told.pci:
        return None
    return Telling(
        reason=Reason.VF_ADDRESS_CHANGED,
        severity=Severity.NORMAL,
        key=f"address-{now.pair.returns}-{told.pci}",
        note=messages.address(now.pair, was=told.pci, now=vf.pci),
        sets={"pci": vf.pci},
    )


def _model(now: Situation, told: PairTold) -> Telling | None:
    vf = now.pair.vf
    if vf is None or vf.driver is None or told.driver is None or vf.driver == told.driver:
        return None
    return Telling(
        reason=Reason.VF_MODEL_CHANGED,
        severity=Severity.NORMAL,
        key=f"model-{now.pair.returns}-{told.driver}",
        note=messages.model(now.pair, was=told.driver, now=vf.driver),
        sets={"driver": vf.driver},
    )


def _repeated(now: Situation, told: PairTold) -> Telling | None:
    if now.order <= told.repeated:
        return None
    return Telling(
        reason=Reason.ANNOUNCEMENT_REPEATED,
        severity=Severity.NORMAL,
        key=f"repeated-{told.repeated}",
        note=messages.repeated(now.pair, order=now.order, tries=told.tries),
        sets={"repeated": now.order},
    )


def _returned(now: Situation, told: PairTold) -> Telling | None:
    times = now.pair.returns - told.returned
    if times <= 0 or not _final(now):
        return None
    return Telling(
        reason=Reason.VF_RETURNED,
        severity=Severity.NORMAL,
        key=f"returned-{told.returned}",
        note=messages.returned(now.pair, times=times, phase=now.phase),
        sets={"returned": now.pair.returns},
        at=now.pair.last_returned,
    )


def _final(now: Situation) -> bool:
    """Tell whether what became of the returned VF is known, or will not be soon."""
    if now.phase in LATE:
        return False
    return now.phase is not Phase.PATIENT or now.waited_s >= PATIENCE_S


def returned_wait_s(now: Situation, told: PairTold) -> float | None:
    """Return how long a return has to wait for its telling, None if nothing waits for a time."""
    waits = now.pair.returns > told.returned and now.phase is Phase.PATIENT
    return max(0.0, PATIENCE_S - now.waited_s) if waits else None


def escalation(now: Situation) -> Telling:
    """Say that the orders were in vain, and what helps."""
    deaf = now.phase is Phase.UNOFFERED
    return Telling(
        reason=Reason.SIDECAR_NOT_LISTENING if deaf else Reason.APPLICATION_NOT_LISTENING,
        severity=Severity.WARNING,
        key=f"escalated-{now.order}",
        note=messages.escalated(now.pair, order=now.order, deaf=deaf),
        sets={"escalated": True},
    )
