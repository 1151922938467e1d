"""How far a VF has come to its application, as one table: state of a pair, phase, pod condition.

From a phase follow Events (`rules`) and repeated announcements (`reannounce`), from a state the
pod condition's status and reason; its message is in `messages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import NamedTuple

from netvsc.encoding import timestamps
from netvsc.errors import RequestError
from netvsc.model.pair import Path, VfSeen
from netvsc.model.status import (
    STARTING,
    Announcement,
    AnnounceState,
    ApplicationState,
    PairStatus,
    Truth,
)


class VfPhase(Enum):
    """GONE to TAKEN need no help; UNOFFERED and UNTAKEN are late if they last."""

    GONE = auto()  # there is no VF
    ALONE = auto()  # nobody holds the pair, or nothing that we understand announces to it
    BARRED = auto()  # the container may not use this VF: no announcement cures that
    PATIENT = auto()  # the application has not come so far
    UNOFFERED = auto()  # the VF is there, the sidecar does not offer it
    UNTAKEN = auto()  # the line is or was on offer, the application does not take it
    TAKEN = auto()


LATE = frozenset({VfPhase.UNOFFERED, VfPhase.UNTAKEN})


class PairState(Enum):
    """What is to be seen of one pair."""

    NO_VF = auto()  # and never was
    VF_AWAY = auto()
    NOT_ANNOUNCED = auto()  # no sidecar, or none that we understand
    NOT_ASKED = auto()  # the agent has not asked the sidecar yet
    VERBS_MISMATCH = auto()
    POD_STARTING = auto()  # the pod has yet to get its pair
    SIDECAR_STARTING = auto()
    SIDECAR_SILENT = auto()
    UNOPENED = auto()
    UNSEEN = auto()  # the sidecar does not see the VF
    WITHHELD_AT_START = auto()  # until the application has started its ports, or opened the pipe
    WITHHELD_NOT_ASKED = auto()  # the application asks for nothing
    WITHHELD = auto()  # for another reason of docs/fdpipe.md
    OFFERED_UNOPENED = auto()
    OFFERED = auto()
    TAKEN_BEFORE = auto()  # the last outage; the VF was not offered since
    TAKEN = auto()


class Row(NamedTuple):
    """`accelerated` and `reason` are of the pod condition; a sidecar's own reason comes first."""

    phase: VfPhase
    accelerated: Truth
    reason: str


WITHHELD = "Withheld"  # where the sidecar gives no reason of its own
TABLE: Mapping[PairState, Row] = {
    PairState.NO_VF: Row(VfPhase.GONE, Truth.FALSE, "NoVF"),
    PairState.VF_AWAY: Row(VfPhase.GONE, Truth.FALSE, "VFRevoked"),
    PairState.NOT_ANNOUNCED: Row(VfPhase.ALONE, Truth.UNKNOWN, "NotAnnounced"),
    PairState.NOT_ASKED: Row(VfPhase.PATIENT, Truth.UNKNOWN, "NotAnnounced"),
    PairState.VERBS_MISMATCH: Row(VfPhase.BARRED, Truth.FALSE, "VerbsMismatch"),
    PairState.POD_STARTING: Row(VfPhase.PATIENT, Truth.UNKNOWN, "SidecarNotResponding"),
    PairState.SIDECAR_STARTING: Row(VfPhase.PATIENT, Truth.UNKNOWN, "SidecarStarting"),
    PairState.SIDECAR_SILENT: Row(VfPhase.UNOFFERED, Truth.UNKNOWN, "SidecarNotResponding"),
    PairState.UNOPENED: Row(VfPhase.PATIENT, Truth.FALSE, "NotOpened"),
    PairState.UNSEEN: Row(VfPhase.UNOFFERED, Truth.FALSE, "NotOffered"),
    PairState.WITHHELD_AT_START: Row(VfPhase.PATIENT, Truth.FALSE, WITHHELD),
    PairState.WITHHELD_NOT_ASKED: Row(VfPhase.UNTAKEN, Truth.FALSE, WITHHELD),
    PairState.WITHHELD: Row(VfPhase.UNOFFERED, Truth.FALSE, WITHHELD),
    PairState.OFFERED_UNOPENED: Row(VfPhase.PATIENT, Truth.FALSE, "NotTaken"),
    PairState.OFFERED: Row(VfPhase.UNTAKEN, Truth.FALSE, "NotTaken"),
    PairState.TAKEN_BEFORE: Row(VfPhase.UNOFFERED, Truth.FALSE, "NotOffered"),
    PairState.TAKEN: Row(VfPhase.TAKEN, Truth.TRUE, "Taken"),
}
_BY_REASON = {  # reasons of docs/fdpipe.md
    "Gate": PairState.WITHHELD_AT_START,
    "Unopened": PairState.WITHHELD_AT_START,
    "NotAsked": PairState.WITHHELD_NOT_ASKED,
}


def phase_of(pair: PairStatus, *, sidecar: bool) -> VfPhase:
    """Return the phase; `sidecar` says whether the pod has one, that could answer."""
    return TABLE[state_of(pair, sidecar=sidecar)].phase


def state_of(pair: PairStatus, *, sidecar: bool) -> PairState:
    if pair.vf is None or pair.path is not Path.VF:
        return PairState.NO_VF if pair.vf_seen is VfSeen.NEVER else PairState.VF_AWAY
    announced = pair.announcement
    if pair.allocation is None:
        return PairState.NOT_ANNOUNCED
    if announced is None:
        return PairState.NOT_ASKED if sidecar else PairState.NOT_ANNOUNCED
    if pair.verbs_mismatch or announced.reason == "VerbsMismatch":
        return PairState.VERBS_MISMATCH
    return _SIMPLE.get(announced.state) or _of(pair, announced, sidecar=sidecar)


_SIMPLE = {
    AnnounceState.UNOPENED: PairState.UNOPENED,
    AnnounceState.AWAY: PairState.UNSEEN,
    AnnounceState.OTHER: PairState.NOT_ANNOUNCED,
}


def _of(pair: PairStatus, announced: Announcement, *, sidecar: bool) -> PairState:
    if announced.state is AnnounceState.UNKNOWN:
        return _without_answer(pair, announced) if sidecar else PairState.NOT_ANNOUNCED
    if announced.state is AnnounceState.WITHHELD:
        return _BY_REASON.get(announced.reason or "", PairState.WITHHELD)
    if announced.state is AnnounceState.OFFERED:
        unopened = announced.application is ApplicationState.NOT_OPENED
        return PairState.OFFERED_UNOPENED if unopened else PairState.OFFERED
    return PairState.TAKEN if _since_the_outage(pair, announced) else PairState.TAKEN_BEFORE


def _without_answer(pair: PairStatus, announced: Announcement) -> PairState:
    """Tell apart who could not obey an order yet, and who does not answer."""
    if announced.reason == STARTING:
        return PairState.SIDECAR_STARTING
    inside = pair.allocation is not None and pair.allocation.interface is not None
    return PairState.SIDECAR_SILENT if inside else PairState.POD_STARTING


def _since_the_outage(pair: PairStatus, announced: Announcement) -> bool:
    """Tell whether the line was taken after the last outage; a deaf sidecar says it was before.

    An outage of no time is one that the agent did not see: its date is when the agent came back.
    """
    if pair.last_outage_seconds == 0:
        return True
    taken, revoked = moment(announced.taken_at), moment(pair.last_revoked)
    return taken is None or revoked is None or taken >= revoked


def moment(text: str | None) -> float | None:
    """Return seconds since the epoch; what is not a time says nothing."""
    try:
        return timestamps.from_text(text) if text else None
    except RequestError:
        return None
