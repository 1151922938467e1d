"""Since when something has been so, in this process: what deadlines are measured from.

A controller that was killed starts its waiting anew, which makes a deadline late by at most
itself; what was ordered and told it finds in the NetvscNode.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from netvsc_operator.controller.events.reannounce import PACE, Pace


class Patience:
    """`clock` is monotonic, in seconds; `pace` says how long is too long."""

    def __init__(self, clock: Callable[[], float], pace: Pace = PACE) -> None:
        self.pace = pace
        self._clock = clock
        self._since: dict[tuple[str, str], tuple[Hashable, float]] = {}

    def waited(self, node: str, pair: str, state: Hashable) -> float:
        """Return how long `state` has held of a pair, 0 if it is new."""
        known, since = self._since.get((node, pair), (None, 0.0))
        if known != state:
            since = self._clock()
            self._since[node, pair] = (state, since)
        return self._clock() - since

    def settled(self, node: str, pair: str) -> None:
        """Forget a pair that nothing is awaited of."""
        self._since.pop((node, pair), None)

    def forget(self, node: str) -> None:
        for key in [key for key in self._since if key[0] == node]:
            del self._since[key]
