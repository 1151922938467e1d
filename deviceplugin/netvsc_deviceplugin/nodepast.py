"""What a status tells an agent that goes on from it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netvsc.pair import Path
from netvsc.status import NodeStatus, PairStatus
from netvsc.timestamps import from_text
from netvsc_deviceplugin.ledger import Past
from netvsc_deviceplugin.nics import VfMemory


def memory(status: NodeStatus) -> Mapping[str, VfMemory]:
    """Return what is known of each VF that was ever there."""
    found = {}
    for pair in status.pairs:
        if vf := pair.vf or pair.last_vf:
            found[pair.id] = VfMemory(pci=vf.pci, driver=vf.driver, numa_node=pair.numa_node)
    return found


def past(status: NodeStatus, monotonic: Callable[[float], float]) -> Mapping[str, Past]:
    """Return how each pair stood; `monotonic` turns seconds since the epoch into the ledger's."""
    return {pair.id: _past(pair, monotonic) for pair in status.pairs}


def ordered(status: NodeStatus) -> Mapping[str, int]:
    """Return the announcements that were carried out, by pair."""
    return {
        pair.id: pair.announcement.ordered
        for pair in status.pairs
        if pair.announcement and pair.announcement.ordered
    }


def _past(pair: PairStatus, monotonic: Callable[[float], float]) -> Past:
    if pair.vf and pair.path is Path.VF:
        return Past(pci=pair.vf.pci)
    if pair.revocations > pair.returns and pair.last_revoked:
        return Past(away=monotonic(from_text(pair.last_revoked)))
    return Past()
