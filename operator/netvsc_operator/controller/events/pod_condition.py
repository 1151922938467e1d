"""Pod condition netvsc.io/Accelerated: whether every pair of the pod forwards over its VF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netvsc.model.pair import VfSeen
from netvsc.model.status import STARTING, Announcement, AnnounceState, PairStatus, Truth
from netvsc_operator.controller.events.phase import Phase, phase_of

TYPE = "netvsc.io/Accelerated"
_WORST_FIRST = (Truth.FALSE, Truth.UNKNOWN, Truth.TRUE)


@dataclass(frozen=True, slots=True)
class Accelerated:
    """`reason` is the worst pair's, `message` tells of all that are not accelerated."""

    status: Truth
    reason: str
    message: str


def accelerated(pairs: Sequence[PairStatus], *, sidecar: bool) -> Accelerated:
    """Return the condition of a pod that holds `pairs` (at least one)."""
    named = [(name_of(pair), _of(pair, sidecar=sidecar)) for pair in pairs]
    worst = min((one for _, one in named), key=lambda one: _WORST_FIRST.index(one.status))
    told = [(name, one) for name, one in named if one.status is worst.status]
    return Accelerated(
        worst.status, worst.reason, "; ".join(f"{name}: {one.message}" for name, one in told)
    )


def name_of(pair: PairStatus) -> str:
    """Return the name by which the pod knows a pair."""
    inside = pair.allocation.interface if pair.allocation else None
    return inside or pair.netvsc


def _of(pair: PairStatus, *, sidecar: bool) -> Accelerated:
    phase = phase_of(pair, sidecar=sidecar)
    if phase is Phase.GONE:
        return _without_vf(pair)
    if phase is Phase.BARRED:
        said = pair.verbs_mismatch or "the container was given another verbs device"
        return Accelerated(Truth.FALSE, "VerbsMismatch", said)
    if pair.announcement is None or phase is Phase.ALONE:
        message = "has its VF, and nothing says whether the application uses it"
        return Accelerated(Truth.UNKNOWN, "NotAnnounced", message)
    if phase is Phase.TAKEN:
        on = f"on VF {pair.vf.pci if pair.vf else ''}".strip()
        return Accelerated(Truth.TRUE, "Taken", on + _unguarded(pair.announcement))
    return _on_its_way(pair.announcement)


def _unguarded(said: Announcement) -> str:
    """Return what to add where the guard itself said that it cannot do all its work."""
    if said.guard != "partial":
        return ""
    return ", and its guard is partial: the VF's removal may end the application (docs/guard.md)"


def _without_vf(pair: PairStatus) -> Accelerated:
    if pair.vf_seen is VfSeen.NEVER:
        return Accelerated(Truth.FALSE, "NoVF", "its NIC has no accelerated networking")
    since = f" since {pair.last_revoked}" if pair.last_revoked else ""
    return Accelerated(Truth.FALSE, "VFRevoked", f"on the synthetic path{since}")


_SAID = {
    AnnounceState.UNKNOWN: ("SidecarNotResponding", "its sidecar does not answer"),
    AnnounceState.UNOPENED: ("NotOpened", "no application has opened the pipe"),
    AnnounceState.AWAY: ("NotOffered", "its VF is there, its sidecar does not see it"),
    AnnounceState.OFFERED: ("NotTaken", "its VF is on offer, the application has not taken it"),
    AnnounceState.TAKEN: ("NotOffered", "its VF is back, its sidecar has not offered it"),
}


def _on_its_way(said: Announcement) -> Accelerated:
    status = Truth.UNKNOWN if said.state is AnnounceState.UNKNOWN else Truth.FALSE
    reason, message = _SAID.get(said.state, ("", ""))
    if said.state is AnnounceState.UNKNOWN and said.reason == STARTING:
        reason, message = "SidecarStarting", "its sidecar has not answered yet"
    if said.state is AnnounceState.WITHHELD:
        reason = said.reason or "Withheld"
        message = f"its sidecar withholds the VF: {reason}"
    return Accelerated(status, reason, message)
