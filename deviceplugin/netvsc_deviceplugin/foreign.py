"""NICs that another driver claims, as the controller found out (NetvscNode.spec.foreign). Pure.

A driver that lists a NIC could give it to a pod, one that allocated it has.
"""

from __future__ import annotations

from collections.abc import Iterable

from netvsc.model.status import Foreign, ForeignState
from netvsc_deviceplugin.kernel.links import Link


def claim(link: Link, foreign: Iterable[Foreign]) -> Foreign | None:
    """Return the strongest claim on an interface of the host; names in a pod are the pod's own."""
    claims = [one for one in foreign if link.netns is None and one.interface == link.name]
    return max(claims, key=lambda one: one.state is ForeignState.ALLOCATED, default=None)


def allocated(claim: Foreign) -> str:
    return f"{claim.owner} has given it to a pod"


def listed(claim: Foreign, pool: str) -> str:
    return (
        f"{claim.owner} lists it too, and would give it away a second time: take the NIC out of "
        f"there, or set foreignOwner: ignore in pool {pool}"
    )
