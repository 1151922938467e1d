"""How often VFs went and came, since the NetvscNode was made: the tracker's events, counted on.

Pure. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from netvsc.encoding.timestamps import from_text
from netvsc.model.status import NodeStatus, PairStatus

DAY = 86_400
_SLOT = 600  # seconds; the day is counted in pieces of ten minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One pair's. `outage` is how long the last one took, in seconds."""

    revocations: int = 0
    returns: int = 0
    revoked: float | None = None
    returned: float | None = None
    outage: float | None = None


class PairCounts:
    """`recent` are revocations of all pairs, by the slot of time in which they were."""

    def __init__(self) -> None:
        self.counts: dict[str, Count] = {}
        self._recent: dict[int, int] = {}

    def restore(self, status: NodeStatus, recent: Mapping[str, int]) -> None:
        """Count on from a status; without `recent` its last day's are taken to be its last ones.

        What was counted before is added: until the status was known we began at nothing.
        """
        past = {pair.id: _count_of(pair) for pair in status.pairs}
        self.counts = {
            id_: _sum(past.get(id_, Count()), self.counts.get(id_, Count()))
            for id_ in past.keys() | self.counts.keys()
        }
        slots = {int(slot): number for slot, number in recent.items() if slot.isdecimal()}
        for slot, number in (slots or _guessed(status, past.values())).items():
            self._recent[slot] = self._recent.get(slot, 0) + number

    def catch_up(self, status: NodeStatus, *, known: Collection[str] = ()) -> None:
        """Take over what a status has counted beyond ours: a count never runs backwards.

        Of the pairs in `known` ours say whether the VF is away now: the status is of before.
        """
        for pair in status.pairs:
            theirs, ours = _count_of(pair), self.counts.get(pair.id, Count())
            further = _further(theirs, ours)
            self.counts[pair.id] = _levelled(further, ours) if pair.id in known else further
            if theirs.revoked and (more := theirs.revocations - ours.revocations) > 0:
                slot = int(theirs.revoked) // _SLOT
                self._recent[slot] = self._recent.get(slot, 0) + more

    def revoked(self, pair: str, at: float) -> None:
        count = self.counts.get(pair, Count())
        self.counts[pair] = replace(count, revocations=count.revocations + 1, revoked=at)
        slot = int(at) // _SLOT
        self._recent[slot] = self._recent.get(slot, 0) + 1

    def returned(self, pair: str, at: float, outage: float) -> None:
        count = self.counts.get(pair, Count())
        self.counts[pair] = replace(
            count, returns=count.returns + 1, returned=at, outage=round(outage, 3)
        )

    def within_a_day(self, now: float) -> int:
        """Return the revocations of the last 24 hours, to ten minutes."""
        self._forget(now)
        return sum(self._recent.values())

    def next_change(self, now: float) -> float | None:
        """Return in how many seconds the oldest is a day old; None if there are none."""
        self._forget(now)
        return (min(self._recent) + 1) * _SLOT + DAY - now if self._recent else None

    def recent(self) -> Mapping[str, int]:
        return {str(slot): number for slot, number in sorted(self._recent.items())}

    def _forget(self, now: float) -> None:
        oldest = (now - DAY) / _SLOT - 1
        self._recent = {slot: n for slot, n in self._recent.items() if slot > oldest}


def _count_of(pair: PairStatus) -> Count:
    return Count(
        revocations=pair.revocations,
        returns=pair.returns,
        revoked=from_text(pair.last_revoked) if pair.last_revoked else None,
        returned=from_text(pair.last_returned) if pair.last_returned else None,
        outage=pair.last_outage_seconds,
    )


def _sum(past: Count, since: Count) -> Count:
    return Count(
        revocations=past.revocations + since.revocations,
        returns=past.returns + since.returns,
        revoked=past.revoked if since.revoked is None else since.revoked,
        returned=past.returned if since.returned is None else since.returned,
        outage=past.outage if since.outage is None else since.outage,
    )


def _further(theirs: Count, ours: Count) -> Count:
    """Join two counts of the same events, each of which may lack some."""
    revoked = theirs.revoked if theirs.revocations > ours.revocations else ours.revoked
    ahead = theirs if theirs.returns > ours.returns else ours
    return Count(
        revocations=max(theirs.revocations, ours.revocations),
        returns=max(theirs.returns, ours.returns),
        revoked=revoked,
        returned=ahead.returned,
        outage=ahead.outage,
    )


def _levelled(count: Count, ours: Count) -> Count:
    """Return it with as many absences that are not over as in ours: one, or none."""
    away = ours.revocations - ours.returns
    return replace(
        count,
        revocations=max(count.revocations, count.returns + away),
        returns=max(count.returns, count.revocations - away),
    )


def _guessed(status: NodeStatus, counts: Iterable[Count]) -> dict[int, int]:
    last = max((count.revoked for count in counts if count.revoked), default=None)
    return {int(last) // _SLOT: status.summary.revoked24h} if last else {}
