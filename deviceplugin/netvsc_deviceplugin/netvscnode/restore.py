"""What a status tells an agent that goes on from it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from netvsc.encoding.timestamps import from_text
from netvsc.model.pair import Path
from netvsc.model.status import NodeStatus, PairStatus
from netvsc_deviceplugin.inventory.pairing import VfMemory
from netvsc_deviceplugin.inventory.vf_events import VfHistory
from netvsc_deviceplugin.kubelet.podresources import Allocation, Allocations


def memory(status: NodeStatus) -> Mapping[str, VfMemory]:
    """Return what is known of each VF that was ever there."""
    found = {}
    for pair in status.pairs:
        if vf := pair.vf or pair.last_vf:
            found[pair.id] = VfMemory(pci=vf.pci, driver=vf.driver, numa_node=pair.numa_node)
    return found


Moment = Callable[[str, float], float]


def newest(ours: NodeStatus | None, theirs: NodeStatus) -> NodeStatus:
    """Return the status in which each pair is as the one says that has counted more of it."""
    mine = {pair.id: pair for pair in ours.pairs} if ours else {}
    return replace(theirs, pairs=tuple(_further(pair, mine.get(pair.id)) for pair in theirs.pairs))


def _further(theirs: PairStatus, ours: PairStatus | None) -> PairStatus:
    if ours is None or (theirs.revocations, theirs.returns) > (ours.revocations, ours.returns):
        return theirs
    return ours


def past(status: NodeStatus, moment: Moment) -> Mapping[str, VfHistory]:
    """Return how each pair stood; `moment` turns a pair's date into the tracker's clock."""
    return {pair.id: _past(pair, moment) for pair in status.pairs}


def holders(status: NodeStatus) -> Allocations:
    """Return who held which pair."""
    return {
        pair.id: Allocation(
            namespace=allocation.namespace,
            pod=allocation.pod,
            container=allocation.container,
            resource=allocation.resource,
        )
        for pair in status.pairs
        if (allocation := pair.allocation)
    }


def ordered(status: NodeStatus) -> Mapping[str, int]:
    """Return the announcements that were carried out, by pair."""
    return {
        pair.id: pair.announcement.ordered
        for pair in status.pairs
        if pair.announcement and pair.announcement.ordered
    }


def _past(pair: PairStatus, moment: Moment) -> VfHistory:
    """Return an absence that is counted and not over, though the VF may still be shown.

    A removal is counted when it is heard, and a scan comes later: a status may be of in between.
    """
    if pair.revocations > pair.returns and pair.last_revoked:
        return VfHistory(away=moment(pair.id, from_text(pair.last_revoked)))
    if pair.vf and pair.path is Path.VF:
        return VfHistory(pci=pair.vf.pci)
    return VfHistory()
