"""Time that pairs spend on their synthetic path after losing a VF, as a counter that runs.

A plain counter would stand still through an outage and jump at its end; this one is read off the
clock when it is scraped. A NIC that never had a VF loses nothing and counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class Synthetic(Collector):
    """`clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._total: dict[str, float] = {}
        self._since: dict[str, float] = {}

    def known(self, pair: str) -> None:
        self._total.setdefault(pair, 0.0)

    def left(self, pair: str) -> None:
        """Start the time of a pair whose VF went; a second loss before a return changes nothing."""
        self._since.setdefault(pair, self._clock())

    def came(self, pair: str) -> None:
        self._total[pair] = self._now(pair)
        self._since.pop(pair, None)

    def collect(self) -> Iterable[CounterMetricFamily]:
        family = CounterMetricFamily(
            "netvsc_synthetic_seconds",
            "Seconds on the synthetic path since a VF was taken away.",
            labels=["pair"],
        )
        for pair in {**self._total, **self._since}:
            family.add_metric([pair], self._now(pair))
        yield family

    def _now(self, pair: str) -> float:
        since = self._since.get(pair)
        running = 0.0 if since is None else self._clock() - since
        return self._total.get(pair, 0.0) + running
