"""Counts revocations and returns of VFs, once each. Pure: facts and times in, events out.

A revocation is heard as it happens, since one that is undone within a burst of messages leaves no
trace in a scan; one whose message was lost (an overrun) shows in the next scan. A return is what a
scan shows, or what must have been since the VF went again. Message and scan may come in either
order: a scan that began before a message is older, one that began after it has the last word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netvsc.model.mac import pair_id
from netvsc.model.pair import Inventory, Pair
from netvsc_deviceplugin.kernel.links import Link


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
class VfHistory:
    """A pair's VF as another run of the agent knew it: at `pci`, or `away` since that time."""

    pci: str | None = None
    away: float | None = None


class VfEventTracker:
    """Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._pairs: dict[str, _Page] = {}
        self._past: dict[str, VfHistory] = {}

    def restore(self, past: Mapping[str, VfHistory]) -> frozenset[str]:
        """Go on from what was known before: what differs at first sight happened meanwhile.

        Return the pairs that were seen already, for which it comes too late.
        """
        self._past |= {id_: one for id_, one in past.items() if id_ not in self._pairs}
        return frozenset(self._pairs)

    def removed(self, link: Link, at: float) -> list[Revoked | Returned]:
        """Take the removal of an interface; it counts if it was the VF of a known pair."""
        page = self._pairs.get(pair_id(link.mac))
        if link.parent_bus != "pci" or page is None or link.ifindex in page.gone:
            return []
        page.gone[link.ifindex] = at
        if link.ifindex == page.left:  # a scan was first, and counted that
            return []
        return _revoke(pair_id(link.mac), page, at)

    def scanned(
        self, inventory: Inventory, at: float, *, began: float | None = None
    ) -> list[Revoked | Returned]:
        """Take a scan: what it no longer shows and nobody told of, and what is back.

        It looked from `began` on (None: it took no time). A pair that it lacks is not counted; if
        it is back one day, it goes on from how it stood.
        """
        known, self._pairs = self._pairs, {}
        events: list[Revoked | Returned] = []
        for pair in inventory.pairs:
            page = known.pop(pair.id, None) or _Page()
            self._pairs[pair.id] = page
            events += _meanwhile(pair, page, self._past.pop(pair.id, VfHistory()), at)
            events += _compare(pair, page, at, at if began is None else began)
        self._past |= {id_: VfHistory(pci=page.pci, away=page.away) for id_, page in known.items()}
        return events


@dataclass(slots=True)
class _Page:
    """What is known of one pair's VF, by ifindex.

    `present` and `pci`: of the VF that forwards. `gone`: heard to be removed, and when: a scan that
    began earlier may still show it. `left`: seen without its NetVSC or not at all, and counted; its
    removal may be heard yet. `away`: since when it has been revoked.
    """

    netns: str | None = None
    present: int | None = None
    pci: str | None = None
    left: int | None = None
    gone: dict[int, float] = field(default_factory=dict)
    away: float | None = None


def _revoke(pair: str, page: _Page, at: float) -> list[Revoked | Returned]:
    events = _return(pair, page, at)
    page.away = at
    return [*events, Revoked(pair=pair, at=at)]


def _return(pair: str, page: _Page, at: float) -> list[Revoked | Returned]:
    """End an absence, if there is one."""
    since, page.away = page.away, None
    return [] if since is None else [Returned(pair=pair, at=at, outage=at - since)]


def _meanwhile(pair: Pair, page: _Page, past: VfHistory, at: float) -> list[Revoked | Returned]:
    """Take up an absence, or count one that nobody saw: how long it was cannot be known."""
    page.away = past.away if past.away is not None else page.away
    shown = pair.vf.pci if pair.vf and pair.vf.joined else None
    missed = past.pci is not None and past.pci != shown
    return _revoke(pair.id, page, at) if missed else []


def _compare(pair: Pair, page: _Page, at: float, began: float) -> list[Revoked | Returned]:
    counted, before = page.gone, page.present
    page.gone = {index: heard for index, heard in counted.items() if heard >= began}
    vf = pair.vf if pair.vf and pair.vf.ifindex not in page.gone else None
    now = vf.ifindex if vf and vf.joined else None
    if pair.netns != page.netns and now is not None:
        before = now  # it moved with its NetVSC, and may have another ifindex there
    page.netns, page.present, page.pci = pair.netns, now, vf.pci if vf and vf.joined else None
    events: list[Revoked | Returned] = []
    if before not in {None, now} and before not in counted:
        page.left = before
        events += _revoke(pair.id, page, at)
    elif vf is None or vf.joined or vf.ifindex != page.left:
        page.left = None
    return events if now is None else [*events, *_return(pair.id, page, at)]
