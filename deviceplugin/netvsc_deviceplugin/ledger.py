"""Counts revocations and returns of VFs, once each. Pure: facts and times in, events out.

A revocation is heard as it happens, since one that is undone within a burst of messages leaves no
trace in a scan; one whose message was lost (an overrun) shows in the next scan. A return is what a
scan shows, or what must have been since the VF went again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netvsc.mac import pair_id
from netvsc.pair import Inventory, Pair
from netvsc_deviceplugin.links import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    pair: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A VF is back and joined, at most `outage` seconds after it went."""

    pair: str
    at: float
    outage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A pair's VF as another run of the agent knew it: at `pci`, or `away` since that time."""

    pci: str | None = None
    away: float | None = None


class Ledger:
    """Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._pairs: dict[str, _Page] = {}
        self._past: dict[str, Past] = {}

    def restore(self, past: Mapping[str, Past]) -> None:
        """Go on from what was known before: what differs at first sight happened meanwhile."""
        self._past = {id_: one for id_, one in past.items() if id_ not in self._pairs}

    def heard(self, link: Link, at: float) -> list[Revoked | Returned]:
        """Take the removal of an interface; it counts if it was the VF of a known pair."""
        page = self._pairs.get(pair_id(link.mac))
        if link.parent_bus != "pci" or page is None or link.ifindex in page.gone:
            return []
        page.gone.add(link.ifindex)
        if link.ifindex == page.left:  # a scan saw it leave its NetVSC, and counted that
            return []
        return _revoke(pair_id(link.mac), page, at)

    def scanned(self, inventory: Inventory, at: float) -> list[Revoked | Returned]:
        """Take a scan: what it no longer shows and nobody told of, and what is back."""
        known, self._pairs = self._pairs, {}
        events: list[Revoked | Returned] = []
        for pair in inventory.pairs:
            page = known.get(pair.id) or _Page()
            self._pairs[pair.id] = page
            events += _meanwhile(pair, page, self._past.pop(pair.id, Past()), at)
            events += _compare(pair, page, at)
        return events


@dataclass(slots=True)
class _Page:
    """What is known of one pair's VF, by ifindex.

    `gone`: heard to be removed, though a scan that began earlier may still show it. `left`: seen
    without its NetVSC, and counted. `away`: since when it has been revoked.
    """

    netns: str | None = None
    present: int | None = None
    left: int | None = None
    gone: set[int] = field(default_factory=set)
    away: float | None = None


def _revoke(pair: str, page: _Page, at: float) -> list[Revoked | Returned]:
    events = _return(pair, page, at)
    page.away = at
    return [*events, Revoked(pair=pair, at=at)]


def _return(pair: str, page: _Page, at: float) -> list[Revoked | Returned]:
    """End an absence, if there is one."""
    since, page.away = page.away, None
    return [] if since is None else [Returned(pair=pair, at=at, outage=at - since)]


def _meanwhile(pair: Pair, page: _Page, past: Past, at: float) -> list[Revoked | Returned]:
    """Take up an absence, or count one that nobody saw: how long it was cannot be known."""
    page.away = past.away if past.away is not None else page.away
    shown = pair.vf.pci if pair.vf and pair.vf.joined else None
    missed = past.pci is not None and past.pci != shown
    return _revoke(pair.id, page, at) if missed else []


def _compare(pair: Pair, page: _Page, at: float) -> list[Revoked | Returned]:
    events: list[Revoked | Returned] = []
    shown = pair.vf.ifindex if pair.vf and pair.vf.joined else None
    now = None if shown in page.gone else shown
    if pair.netns != page.netns and now is not None:
        page.present = now  # it moved with its NetVSC, and may have another ifindex there
    page.netns = pair.netns
    if page.present not in {None, now} and page.present not in page.gone:
        page.left = page.present
        events += _revoke(pair.id, page, at)
    if now is not None:
        page.left = None
        events += _return(pair.id, page, at)
    page.present = now
    page.gone = {index for index in page.gone if index == shown}
    return events
