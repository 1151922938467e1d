"""Pairs as the kubelet sees them: an id, a NUMA node, healthy or not. Pure.

A VF's absence alone changes nothing here: the pair is usable on its synthetic path. Only a pool
with `unhealthyAfter` calls it unhealthy once the VF has been away for that long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netvsc.model.pair import Pair, VfSeen

LostSince = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    id: str
    numa_node: int | None
    healthy: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """What to tell now, and when it changes by the clock alone; None if it does not."""

    devices: tuple[Device, ...]
    until: float | None


def lost_since(before: LostSince, pairs: Sequence[Pair], *, now: float) -> LostSince:
    """Return since when each pair lacks the VF that it had."""
    return {pair.id: before.get(pair.id, now) for pair in pairs if pair.vf_seen is VfSeen.LOST}


def advertise(
    pairs: Sequence[Pair], *, lost: LostSince, unhealthy_after_s: float | None, now: float
) -> Advertisement:
    flips = {
        id_: since + unhealthy_after_s
        for id_, since in lost.items()
        if unhealthy_after_s is not None
    }
    devices = tuple(
        Device(
            id=pair.id,
            numa_node=pair.numa_node,
            healthy=pair.id not in flips or now < flips[pair.id],
        )
        for pair in sorted(pairs, key=lambda pair: pair.id)  # a rename is no news
    )
    return Advertisement(
        devices=devices, until=min((at for at in flips.values() if at > now), default=None)
    )
