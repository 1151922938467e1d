"""What follows from a sidecar's word: state, counts, and what it must be told. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from netvsc.encoding.timestamps import to_text
from netvsc.model.status import Announcement, AnnounceState, ApplicationState
from netvsc_deviceplugin.sidecar.protocol import (
    Application,
    Counts,
    SidecarReport,
    VfState,
    verbs_text,
)

_STATES = {
    VfState.AWAY: AnnounceState.AWAY,
    VfState.WITHHELD: AnnounceState.WITHHELD,
    VfState.OFFERED: AnnounceState.OFFERED,
    VfState.TAKEN: AnnounceState.TAKEN,
    VfState.OTHER: AnnounceState.OTHER,
}
_APPLICATIONS = {
    Application.UNOPENED: ApplicationState.NOT_OPENED,
    Application.OPENED: ApplicationState.OPENED,
    Application.HUNGRY: ApplicationState.WAITING,
    Application.SERVED: ApplicationState.ATTACHED,
    Application.OTHER: ApplicationState.OTHER,
}
_MOST = 100  # lines between two reports; more is an untrusted peer's claim, or another agent's
_LONGEST_S = 3600.0
_NOBODY_THERE = {"Gate", "Unopened"}  # reasons that an application would end


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedReport:
    """A word of a sidecar's and when things happened: seconds since the epoch."""

    report: SidecarReport
    offered_at: float | None
    taken_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What happened between two words: lines that ended, and how long their stages took (s)."""

    taken: int = 0
    cancelled: int = 0
    failed: int = 0
    offered_after: float | None = None
    taken_after: float | None = None


def hear(report: SidecarReport, at: float, before: DatedReport | None) -> DatedReport:
    """Date what `report` tells by its ages; what was dated before keeps its date."""
    old = before if before and before.report.started == report.started else None
    counts, known = report.counts, old.report.counts if old else Counts()
    return DatedReport(
        report=report,
        offered_at=old.offered_at
        if old and counts.offers == known.offers
        else _ago(at, report.ages.offered),
        taken_at=old.taken_at
        if old and counts.takes == known.takes
        else _ago(at, report.ages.taken),
    )


def announcement(dated: DatedReport) -> Announcement:
    report = dated.report
    state = _STATES[report.vf]
    if (
        state is AnnounceState.WITHHELD
        and report.application is Application.UNOPENED
        and report.reason in _NOBODY_THERE
    ):
        state = AnnounceState.UNOPENED
    return Announcement(
        state=state,
        reason=report.reason,
        line=report.line,
        generation=report.generation,
        taken_generation=report.taken_generation,
        application=_APPLICATIONS[report.application],
        guard=report.guard,
        failed_plugs=report.counts.failed_plugs,
        offered_at=None if dated.offered_at is None else to_text(dated.offered_at),
        taken_at=None if dated.taken_at is None else to_text(dated.taken_at),
    )


def progress(before: SidecarReport | None, report: SidecarReport) -> Progress:
    """Return what happened since `before`; None: since the sidecar started, as after a restart."""
    base = before if before and before.started == report.started else None
    old, new = base.counts if base else Counts(), report.counts
    return Progress(
        taken=_grown(old.takes, new.takes),
        cancelled=_grown(old.cancels, new.cancels),
        failed=_grown(old.failed_plugs, new.failed_plugs),
        offered_after=_offered_after(base, report) if new.offers == old.offers + 1 else None,
        taken_after=_between(report.ages.offered, report.ages.taken)
        if new.takes == old.takes + 1
        else None,
    )


def verbs_request(report: SidecarReport, verbs: tuple[str, ...] | None) -> str | None:
    """Return what to tell it of the container's verbs devices; None: it knows, or nobody does."""
    if verbs is None or (report.given is not None and set(report.given) == set(verbs)):
        return None
    return f"verbs {report.number} {verbs_text(verbs)}"


def _offered_after(base: SidecarReport | None, report: SidecarReport) -> float | None:
    """Time the first offer of a VF, where the application was there before the VF."""
    if base and base.generation == report.generation and _offered_since_usable(base):
        return None
    if (
        report.ages.opened is None
        or report.ages.usable is None
        or report.ages.opened < report.ages.usable
    ):
        return None
    return _between(report.ages.usable, report.ages.offered)


def _offered_since_usable(report: SidecarReport) -> bool:
    offered, usable = report.ages.offered, report.ages.usable
    return offered is not None and usable is not None and offered <= usable


def _grown(old: int, new: int) -> int:
    return new - old if 0 <= new - old <= _MOST else 0


def _between(first: int | None, then: int | None) -> float | None:
    """Return the seconds from one event to a later one, both given as ages."""
    if first is None or then is None:
        return None
    seconds = (first - then) / 1000
    return seconds if 0 <= seconds <= _LONGEST_S else None


def _ago(at: float, age: int | None) -> float | None:
    return None if age is None else at - age / 1000
