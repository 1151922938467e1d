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
_MOST = 100  # lines between two words; more is no news, but a liar's or another agent's
_LONGEST_S = 3600.0
_NOBODY_THERE = {"Gate", "Unopened"}  # reasons that an application would end


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A word of a sidecar's and when things happened: seconds since the epoch."""

    said: SidecarReport
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


def hear(said: SidecarReport, at: float, before: Heard | None) -> Heard:
    """Date what `said` tells by its ages; what was dated before keeps its date."""
    old = before if before and before.said.started == said.started else None
    counts, known = said.counts, old.said.counts if old else Counts()
    return Heard(
        said=said,
        offered_at=old.offered_at
        if old and counts.offers == known.offers
        else _ago(at, said.ages.offered),
        taken_at=old.taken_at if old and counts.takes == known.takes else _ago(at, said.ages.taken),
    )


def announcement(heard: Heard) -> Announcement:
    said = heard.said
    state = _STATES[said.vf]
    if (
        state is AnnounceState.WITHHELD
        and said.application is Application.UNOPENED
        and said.reason in _NOBODY_THERE
    ):
        state = AnnounceState.UNOPENED
    return Announcement(
        state=state,
        reason=said.reason,
        line=said.line,
        generation=said.generation,
        taken_generation=said.taken_generation,
        application=_APPLICATIONS[said.application],
        guard=said.guard,
        failed_plugs=said.counts.failed_plugs,
        offered_at=None if heard.offered_at is None else to_text(heard.offered_at),
        taken_at=None if heard.taken_at is None else to_text(heard.taken_at),
    )


def progress(before: SidecarReport | None, said: SidecarReport) -> Progress:
    """Return what happened since `before`; None: since the sidecar started, as after a restart."""
    base = before if before and before.started == said.started else None
    old, new = base.counts if base else Counts(), said.counts
    return Progress(
        taken=_grown(old.takes, new.takes),
        cancelled=_grown(old.cancels, new.cancels),
        failed=_grown(old.failed_plugs, new.failed_plugs),
        offered_after=_offered_after(base, said) if new.offers == old.offers + 1 else None,
        taken_after=_between(said.ages.offered, said.ages.taken)
        if new.takes == old.takes + 1
        else None,
    )


def verbs_request(said: SidecarReport, given: tuple[str, ...] | None) -> str | None:
    """Return what to tell it of the container's verbs devices; None: it knows, or nobody does."""
    if given is None or (said.given is not None and set(said.given) == set(given)):
        return None
    return f"verbs {said.number} {verbs_text(given)}"


def _offered_after(base: SidecarReport | None, said: SidecarReport) -> float | None:
    """Time the first offer of a VF, where the application was there before the VF."""
    if base and base.generation == said.generation and _offered_since_usable(base):
        return None
    if said.ages.opened is None or said.ages.usable is None or said.ages.opened < said.ages.usable:
        return None
    return _between(said.ages.usable, said.ages.offered)


def _offered_since_usable(said: SidecarReport) -> bool:
    offered, usable = said.ages.offered, said.ages.usable
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
