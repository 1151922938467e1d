"""The webhook's metrics. Prefix `netvsc_`, base units; one object, made with the registry."""

from __future__ import annotations

from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from netvsc import __version__

# A review takes a fraction of a millisecond; the apiserver waits 5 s for it (seconds).
_REVIEW = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0)


class ReviewOutcome(StrEnum):
    """What became of a request; the first three are answers."""

    PATCHED = "patched"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    MALFORMED = "malformed"  # no review: HTTP 400
    TOO_LARGE = "too_large"  # HTTP 413
    UNREADY = "unready"  # the pools are not known yet: HTTP 503
    FAILED = "failed"  # a fault of ours: HTTP 500


class CertificateLoad(StrEnum):
    """What became of a look at the certificate's folder."""

    LOADED = "loaded"
    FAILED = "failed"


class WebhookMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        build = Gauge("netvsc_build_info", "The version.", ["version"], registry=registry)
        build.labels(version=__version__).set(1)
        reviews = Counter(
            "netvsc_admission_reviews", "Reviews answered.", ["result"], registry=registry
        )
        # Looked up once: a lookup for each review would cost more than the counting.
        self._reviews = {outcome: reviews.labels(result=outcome.value) for outcome in ReviewOutcome}
        self._seconds = Histogram(
            "netvsc_admission_seconds",
            "How long a review took, from its last byte to the answer's first.",
            buckets=_REVIEW,
            registry=registry,
        )
        loads = Counter(
            "netvsc_certificate_loads",
            "Certificates taken from the folder.",
            ["result"],
            registry=registry,
        )
        self._loads = {load: loads.labels(result=load.value) for load in CertificateLoad}
        self._expiry = Gauge(
            "netvsc_certificate_expiry_timestamp_seconds",
            "When the certificate that is served expires.",
            registry=registry,
        )

    def reviewed(self, outcome: ReviewOutcome, seconds: float) -> None:
        self._reviews[outcome].inc()
        self._seconds.observe(seconds)

    def loaded(self, load: CertificateLoad) -> None:
        self._loads[load].inc()

    def expires(self, at: float) -> None:
        """Tell when the certificate expires, in seconds since the epoch."""
        self._expiry.set(at)
