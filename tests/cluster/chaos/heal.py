"""The one thing that cures an application which waits for an address that was not there.

docs/fdpipe.md names the two windows in which that can happen, and the cure: that very address comes
back. A run counts how often it was needed; outside of the windows it is a broken invariant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.chaos.reads import Window, excuses, window
from cluster.chaos.steps import Role
from cluster.deployments.sidecar_only import echoes
from cluster.harness.errors import ClusterError
from cluster.harness.wait import until
from cluster.stories.story import HOME_SLOT

if TYPE_CHECKING:
    from cluster.chaos.host import Host
    from cluster.chaos.reads import Read
    from cluster.chaos.stage import Stage

_FOUND_S = 20.0
_PLUGGED_S = 5.0
_OUTAGE_S = 1.0


def judged(stage: Stage, host: Host) -> list[tuple[Read, Window]]:
    """Every line that the witness could not follow, and how that could be."""
    log = stage.records.sidecar(Role.WITNESS)
    return [(read, window(read, host.removals, log)) for read in stage.records.stale()]


def witness(stage: Stage, host: Host) -> str | None:
    """Bring the VF back where the witness waits for it; return that place, None if it does not.

    Who is cured plugs what it had read, and reads no more: its sidecar hears of it after the next
    outage.
    """
    name = stage.records.poisoned()
    nic = stage.nics[Role.WITNESS]
    vf = host.vf(nic)
    if not name or vf is None or vf.vf == name:
        return None
    host.revoke(nic)
    host.give(nic, slot_of(name))
    what = f"the witness to find {name}"
    until(lambda: not _waiting(stage), what=what, seconds=_FOUND_S, pause=0.1)
    host.flap(nic, seconds=_OUTAGE_S, slot=slot_of(name))
    return name


def forwarder(stage: Stage, host: Host, place: str) -> None:
    """Bring the VF back where testpmd may be waiting for it; if it was, it forwards over it."""
    nic = stage.nics[Role.FORWARDER]
    host.revoke(nic)
    host.give(nic, slot_of(place))
    what = f"frames over {place}"
    try:
        until(lambda: echoes(stage.cluster, place), what=what, seconds=_PLUGGED_S, pause=0.2)
    except ClusterError:
        return  # it waits for another place
    host.flap(nic, seconds=_OUTAGE_S, slot=slot_of(place))


def forwarder_candidates(stage: Stage, host: Host) -> list[str]:
    """Places for which testpmd, which does not say what it read, may wait; the last one first."""
    nic = stage.nics[Role.FORWARDER]
    lived = [one for one in host.removals if one.began >= stage.opened]
    mine = [one for one in lived if one.vf == nic.vf or one.vf.startswith(f"{nic.vf}at")]
    found = excuses(mine, stage.records.sidecar(Role.FORWARDER))
    return [*dict.fromkeys(one.vf for one in reversed(found))]


def _waiting(stage: Stage) -> bool:
    stage.records.collect()
    return stage.records.poisoned() is not None


def slot_of(vf: str) -> int:
    """The slot that a VF's name stands for."""
    _, at, slot = vf.rpartition("at")
    return int(slot) if at else HOME_SLOT
