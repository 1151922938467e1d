"""Dates of what happens to pairs, in an order that no setting of the wall clock turns around.

People compare them, and so does the controller: when a VF went, came back, was taken. So the two
clocks' distance is taken once for each outage, as it begins, and holds until the next one. It is
kept on disk, and good for as long as the machine is not booted anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class WallClock:
    """`clock` is monotonic, `wall` tells seconds since the epoch, and may be set at any time."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._distances: dict[str, float] = {}

    def now(self) -> float:
        """Return what the wall clock says."""
        return self._wall()

    def begin(self, pair: str) -> None:
        """Date by the wall clock of now, from here on: an outage of the pair begins."""
        self._distances[pair] = self._wall() - self._clock()

    def of(self, pair: str, at: float) -> float:
        """Return the date of a moment of the monotonic clock."""
        if pair not in self._distances:
            self.begin(pair)
        return at + self._distances[pair]

    def moment(self, pair: str, date: float) -> float:
        """Return a date's moment; of a pair that is not known, one that is not in the future."""
        if pair in self._distances:
            return date - self._distances[pair]
        return min(date, self._wall()) + self._clock() - self._wall()

    def distances(self) -> Mapping[str, float]:
        return dict(self._distances)

    def restore(self, distances: Mapping[str, float]) -> None:
        """Go on with another run's, of the same boot."""
        self._distances = dict(distances)


def boot() -> str:
    """Return what tells this run of the machine from others; empty where nothing does."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
