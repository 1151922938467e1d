"""The sentences of Events: what happened, to which NIC, and what helps."""

from __future__ import annotations

from netvsc.model.status import PairStatus
from netvsc_operator.controller.events.phase import Phase, moment
from netvsc_operator.controller.events.pod_condition import name_of

TRIES = 3


def revoked(pair: PairStatus, *, pci: str | None, times: int) -> str:
    at = f" at {pair.last_revoked}" if pair.last_revoked else ""
    if times == 1:
        return f"VF {pci or 'unknown'} of {_named(pair)} was revoked{at}"
    last = f", the last time{at}" if at else ""
    return f"the VF of {_named(pair)} was revoked {times} times{last}"


def returned(pair: PairStatus, *, times: int, phase: Phase) -> str:
    outage = pair.last_outage_seconds
    after = f" after {outage:.1f} s" if outage else ""  # 0: nobody saw how long it was
    vf = pair.vf or pair.last_vf
    if times == 1:
        head = f"VF {vf.pci if vf else 'unknown'} of {_named(pair)} came back{after}"
    else:
        head = f"the VF of {_named(pair)} came back {times} times, the last time{after}"
    return head + _fate(pair, phase)


def _fate(pair: PairStatus, phase: Phase) -> str:
    if phase is Phase.TAKEN:
        return f"; {_taken(pair)}"
    if phase is Phase.GONE:
        return f"; {_taken(pair)}; it is away again" if _was_taken(pair) else "; it is away again"
    return _FATES.get(phase, "")


_FATES = {
    Phase.PATIENT: "; the application is not ready to take it",
    Phase.BARRED: "; it is withheld from the application",
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


def mismatch(pair: PairStatus, said: str) -> str:
    return f"{_named(pair)}: {said}"


def address(pair: PairStatus, *, was: str, now: str) -> str:
    return f"the VF of {_named(pair)} has the PCI address {now}; it was {was}"


def model(pair: PairStatus, *, was: str, now: str) -> str:
    return f"the VF of {_named(pair)} has the driver {now}; it was {was}"


def repeated(pair: PairStatus, *, order: int, tries: int) -> str:
    which = f", try {tries} of {TRIES}" if tries else ""
    return f"the VF of {_named(pair)} is to be announced anew (order {order}{which})"


def escalated(pair: PairStatus, *, order: int, deaf: bool) -> str:
    done = pair.announcement.ordered if pair.announcement else 0
    if done < order:
        return (
            f"the VF of {_named(pair)} is back and order {order} to announce it was not carried "
            "out: look at the logs of the node's agent and of the sidecar netvsc-fdpipe"
        )
    if deaf:
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
