"""The controller's metrics (docs/controller.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from netvsc import __version__
from netvsc_operator.controller.events.reasons import EventReason, Reannouncement

_LAG = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class ControllerMetrics:
    """Counts what the controller does; what is now is asked for at each scrape."""

    def __init__(self, registry: CollectorRegistry) -> None:
        build = Gauge("netvsc_build_info", "The program's version.", ["version"], registry=registry)
        build.labels(version=__version__).set(1)
        self._registry = registry
        self._reannouncements = Counter(
            "netvsc_reannouncements",
            "Announcements ordered again, automatically or manually, and how the orders ended.",
            ["result"],
            registry=registry,
        )
        self._events = Counter(
            "netvsc_events", "Events written, by reason.", ["reason"], registry=registry
        )
        self._failures = Counter(
            "netvsc_controller_failures",
            "Reconciliations of a node that failed.",
            registry=registry,
        )
        self._lag = Histogram(
            "netvsc_controller_lag_seconds",
            "From a change's arrival until all that follows was written.",
            buckets=_LAG,
            registry=registry,
        )
        for result in get_args(Reannouncement):
            self._reannouncements.labels(result=result)
        for reason in EventReason:
            self._events.labels(reason=reason.value)

    def add_gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a number that is looked up at each scrape."""
        Gauge(name, text, registry=self._registry).set_function(value)

    def expires(self) -> Callable[[float], None]:
        """Return who takes the time at which the webhook's certificate expires."""
        return Gauge(
            "netvsc_certificate_expiry_timestamp_seconds",
            "When the webhook's certificate expires.",
            registry=self._registry,
        ).set

    def reannounced(self, result: Reannouncement) -> None:
        """Count an order (automatic, manual), or how orders ended (taken, gone, escalated)."""
        self._reannouncements.labels(result=result).inc()

    def event_written(self, reason: EventReason) -> None:
        self._events.labels(reason=reason.value).inc()

    def looked(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def failed(self) -> None:
        self._failures.inc()
