"""Whether what happened was told, once each. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.chaos.seen import Broken, Invariant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

REVOKED, RETURNED = "VFRevoked", "VFReturned"
_TIMES = re.compile(r" (?:was revoked|came back) (\d+) times")
_PAIR = re.compile(r"\((?P<id>[0-9a-f]{2}(?:-[0-9a-f]{2}){5})\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One Event: `about` is a Node's name or a Pod's uid, as `kind` says."""

    reason: str
    kind: str
    about: str
    note: str

    @property
    def times(self) -> int:
        """One Event tells of several where nobody could tell of each."""
        found = _TIMES.search(self.note)
        return int(found.group(1)) if found else 1

    @property
    def pair(self) -> str | None:
        found = _PAIR.search(self.note)
        return found.group("id") if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Of one pair since some moment: what NetvscNode counts, and what the host did.

    `exact`: nobody who counts was away meanwhile, so that each must be there.
    """

    id: str
    revocations: int
    returns: int
    revoked: int
    exact: bool


def judge_counts(several: Sequence[Counted]) -> Iterator[Broken]:
    for one in several:
        fits = one.revocations == one.revoked if one.exact else one.revocations <= one.revoked
        if not fits:
            what = f"{one.id}: {one.revocations} revocations counted, {one.revoked} were"
            yield Broken(invariant=Invariant.EVENT, what=what)


def judge_events(several: Sequence[Counted], events: Sequence[Event]) -> Iterator[Broken]:
    """Each counted one is in one Event about the Node."""
    about_node = [event for event in events if event.kind == "Node"]
    for one in several:
        for reason, counted in ((REVOKED, one.revocations), (RETURNED, one.returns)):
            told = sum(e.times for e in about_node if (e.reason, e.pair) == (reason, one.id))
            if told != counted:
                what = f"{one.id}: {told} {reason} were told to the node, {counted} were counted"
                yield Broken(invariant=Invariant.EVENT, what=what)
    yield from _twice(events)


def judge_pods(counted: Mapping[str, int], events: Sequence[Event]) -> Iterator[Broken]:
    """Each pod heard of each revocation of its pair; `counted` is by the pod's uid."""
    for pod, number in counted.items():
        mine = [e for e in events if (e.kind, e.about, e.reason) == ("Pod", pod, REVOKED)]
        told = sum(event.times for event in mine)
        if told != number:
            what = f"{told} {REVOKED} were told to pod {pod}, {number} were counted"
            yield Broken(invariant=Invariant.EVENT, what=what)


def _twice(events: Sequence[Event]) -> Iterator[Broken]:
    seen = set[tuple[str, str, str]]()
    for event in events:
        key = (event.kind, event.about, event.note)
        if event.reason == REVOKED and key in seen:
            yield Broken(invariant=Invariant.EVENT, what=f"told twice: {event.note}")
        seen.add(key)
