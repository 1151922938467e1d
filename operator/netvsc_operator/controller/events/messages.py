"""The sentences of Events and of the pod condition: what happened, to which NIC, what helps."""

from __future__ import annotations

from collections.abc import Mapping

from netvsc.model.status import PairStatus
from netvsc_operator.controller.events.phase import PairState, VfPhase, moment

TRIES = 3

_NOBODY_ANNOUNCES = "has its VF, and nothing says whether the application uses it"
_WITHHELD = "its sidecar withholds the VF: {reason}"
_SILENT = "its sidecar does not answer"
_ON_OFFER = "its VF is on offer, the application has not taken it"
_CONDITION: Mapping[PairState, str] = {
    PairState.NO_VF: "its NIC has no accelerated networking",
    PairState.VF_AWAY: "on the synthetic path{since}",
    PairState.NOT_ANNOUNCED: _NOBODY_ANNOUNCES,
    PairState.NOT_ASKED: _NOBODY_ANNOUNCES,
    PairState.VERBS_MISMATCH: "{mismatch}",
    PairState.POD_STARTING: _SILENT,
    PairState.SIDECAR_STARTING: "its sidecar has not answered yet",
    PairState.SIDECAR_SILENT: _SILENT,
    PairState.UNOPENED: "no application has opened the pipe",
    PairState.UNSEEN: "its VF is there, its sidecar does not see it",
    PairState.WITHHELD_AT_START: _WITHHELD,
    PairState.WITHHELD_NOT_ASKED: _WITHHELD,
    PairState.WITHHELD: _WITHHELD,
    PairState.OFFERED_UNOPENED: _ON_OFFER,
    PairState.OFFERED: _ON_OFFER,
    PairState.TAKEN_BEFORE: "its VF is back, its sidecar has not offered it",
    PairState.TAKEN: "on VF {pci}{guard}",
}


def condition(pair: PairStatus, state: PairState, *, reason: str) -> str:
    return _CONDITION[state].format(
        since=f" since {pair.last_revoked}" if pair.last_revoked else "",
        mismatch=pair.verbs_mismatch or "the container was given another verbs device",
        reason=reason,
        pci=pair.vf.pci if pair.vf else "",
        guard=_guard(pair),
    )


def _guard(pair: PairStatus) -> str:
    """Return what to add where the guard itself said that it cannot do all its work."""
    if pair.announcement is None or pair.announcement.guard != "partial":
        return ""
    return ", and its guard is partial: the VF's removal may end the application (docs/guard.md)"


def name_of(pair: PairStatus) -> str:
    """Return the name by which the pod knows a pair."""
    inside = pair.allocation.interface if pair.allocation else None
    return inside or pair.netvsc


def revoked(pair: PairStatus, *, pci: str | None, times: int) -> str:
    at = f" at {pair.last_revoked}" if pair.last_revoked else ""
    if times == 1:
        return f"VF {pci or 'unknown'} of {_named(pair)} was revoked{at}"
    last = f", the last time{at}" if at else ""
    return f"the VF of {_named(pair)} was revoked {times} times{last}"


def returned(pair: PairStatus, *, times: int, phase: VfPhase) -> str:
    outage = pair.last_outage_seconds
    after = f" after {outage:.1f} s" if outage else ""  # 0: nobody saw how long it was
    vf = pair.vf or pair.last_vf
    if times == 1:
        head = f"VF {vf.pci if vf else 'unknown'} of {_named(pair)} came back{after}"
    else:
        head = f"the VF of {_named(pair)} came back {times} times, the last time{after}"
    return head + _fate(pair, phase)


def _fate(pair: PairStatus, phase: VfPhase) -> str:
    if phase is VfPhase.TAKEN:
        return f"; {_taken(pair)}"
    if phase is VfPhase.GONE:
        return f"; {_taken(pair)}; it is away again" if _was_taken(pair) else "; it is away again"
    return _FATES.get(phase, "")


_FATES = {
    VfPhase.PATIENT: "; the application is not ready to take it",
    VfPhase.BARRED: "; it is withheld from the application",
}


def _was_taken(pair: PairStatus) -> bool:
    """Tell whether the application took what came back last."""
    back, taken = _moments(pair)
    return back is not None and taken is not None and taken >= back


def _taken(pair: PairStatus) -> str:
    back, taken = _moments(pair)
    if back is None or taken is None or taken < back:  # before the agent saw that it was back
        return "the application took it"
    return f"the application took it {taken - back:.3f} s later"


def _moments(pair: PairStatus) -> tuple[float | None, float | None]:
    said = pair.announcement
    return moment(pair.last_returned), moment(said.taken_at if said else None)


def mismatch(pair: PairStatus, why: str) -> str:
    return f"{_named(pair)}: {why}"


def address(pair: PairStatus, *, was: str, now: str) -> str:
    return f"the VF of {_named(pair)} has the PCI address {now}; it was {was}"


def model(pair: PairStatus, *, was: str, now: str) -> str:
    return f"the VF of {_named(pair)} has the driver {now}; it was {was}"


def repeated(pair: PairStatus, *, order: int, tries: int) -> str:
    which = f", try {tries} of {TRIES}" if tries else ""
    return f"the VF of {_named(pair)} is to be announced anew (order {order}{which})"


def escalated(pair: PairStatus, *, order: int, phase: VfPhase) -> str:
    done = pair.announcement.ordered if pair.announcement else 0
    if done < order:
        return (
            f"the VF of {_named(pair)} is back and order {order} to announce it was not carried "
            "out: look at the logs of the node's agent and of the sidecar netvsc-fdpipe"
        )
    if phase is VfPhase.UNOFFERED:
        return (
            f"the VF of {_named(pair)} is back and its sidecar does not offer it, asked {TRIES} "
            "times: delete the pod, or restart its container netvsc-fdpipe"
        )
    container = pair.allocation.container if pair.allocation else "of the application"
    return (
        f"the VF of {_named(pair)} is back and the application has not taken it, offered "
        f"{TRIES} times: restart container {container}; until then it forwards on the "
        "synthetic path"
    )


def _named(pair: PairStatus) -> str:
    held = pair.allocation
    where = f" of pod {held.namespace}/{held.pod}" if held else ""
    return f"{name_of(pair)} ({pair.id}){where}"
