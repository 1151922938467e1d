"""How far a VF has come to its application: one word for the many states of an announcement."""

from __future__ import annotations

from enum import Enum, auto

from netvsc.encoding import timestamps
from netvsc.errors import RequestError
from netvsc.model.pair import Path
from netvsc.model.status import STARTING, Announcement, AnnounceState, ApplicationState, PairStatus


class Phase(Enum):
    """GONE to TAKEN need no help; UNOFFERED and UNTAKEN are late if they last."""

    GONE = auto()  # there is no VF
    ALONE = auto()  # nobody holds the pair, or nothing that we understand announces to it
    BARRED = auto()  # the container may not use this VF: no announcement cures that
    PATIENT = auto()  # the application has not come so far
    UNOFFERED = auto()  # the VF is there, the sidecar does not offer it
    UNTAKEN = auto()  # the line is or was on offer, the application does not take it
    TAKEN = auto()


LATE = frozenset({Phase.UNOFFERED, Phase.UNTAKEN})
# Reasons of docs/fdpipe.md: the application has yet to start its ports, or to open the pipe.
_STARTING = frozenset({"Gate", "Unopened"})


def phase_of(pair: PairStatus, *, sidecar: bool) -> Phase:
    """Return the phase; `sidecar` says whether the pod has one, that could answer."""
    if pair.vf is None or pair.path is not Path.VF:
        return Phase.GONE
    said = pair.announcement
    if pair.allocation is None:
        return Phase.ALONE
    if said is None:  # the agent has not asked yet, or there is nobody to ask
        return Phase.PATIENT if sidecar else Phase.ALONE
    if pair.verbs_mismatch or said.reason == "VerbsMismatch":
        return Phase.BARRED
    return _SIMPLE.get(said.state) or _of(pair, said, sidecar=sidecar)


_SIMPLE = {
    AnnounceState.UNOPENED: Phase.PATIENT,
    AnnounceState.AWAY: Phase.UNOFFERED,
    AnnounceState.OTHER: Phase.ALONE,
}


def _of(pair: PairStatus, said: Announcement, *, sidecar: bool) -> Phase:
    if said.state is AnnounceState.UNKNOWN:
        if not sidecar:
            return Phase.ALONE
        return Phase.PATIENT if _starting(pair, said) else Phase.UNOFFERED
    if said.state is AnnounceState.WITHHELD:
        if said.reason in _STARTING:
            return Phase.PATIENT
        return Phase.UNTAKEN if said.reason == "NotAsked" else Phase.UNOFFERED
    if said.state is AnnounceState.OFFERED:
        return Phase.PATIENT if said.application is ApplicationState.NOT_OPENED else Phase.UNTAKEN
    return Phase.TAKEN if _since_the_outage(pair, said) else Phase.UNOFFERED


def _starting(pair: PairStatus, said: Announcement) -> bool:
    """Tell whether the pod has yet to get its pair or its sidecar: nobody could obey an order."""
    inside = pair.allocation is not None and pair.allocation.interface is not None
    return not inside or said.reason == STARTING


def _since_the_outage(pair: PairStatus, said: Announcement) -> bool:
    """Tell whether the line was taken after the last outage; a deaf sidecar says it was before.

    An outage of no time is one that the agent did not see: its date is when the agent came back.
    """
    if pair.last_outage_seconds == 0:
        return True
    taken, revoked = moment(said.taken_at), moment(pair.last_revoked)
    return taken is None or revoked is None or taken >= revoked


def moment(text: str | None) -> float | None:
    """Return seconds since the epoch; what is no time says nothing."""
    try:
        return timestamps.from_text(text) if text else None
    except RequestError:
        return None
