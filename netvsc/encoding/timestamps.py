"""Times as Kubernetes' MicroTime writes them: RFC 3339, UTC, six digits below the second."""

from __future__ import annotations

from datetime import UTC, datetime

from netvsc.errors import RequestError

_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"


def to_text(seconds: float) -> str:
    """Return seconds since the epoch as text."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_FORM)


def from_text(text: str) -> float:
    """Return seconds since the epoch; raises RequestError for what is no RFC 3339 time."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise RequestError(f"time {text!r}: write it like 2026-01-02T03:04:05.000000Z") from None
