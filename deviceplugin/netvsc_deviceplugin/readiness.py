"""When the agent is ready: registered for every pool, and its picture of the node fresh."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from netvsc_deviceplugin.telemetry.http_server import Check


def registered(
    standing: Callable[[], Mapping[str, bool]], *, wanted: Callable[[], Collection[object]]
) -> Check:
    """Check that the kubelet knows every resource; where no pool is `wanted` there is none."""

    def check() -> str | None:
        known = standing()
        if not known and not wanted():
            return None
        missing = sorted(resource for resource, there in known.items() if not there)
        if not known:
            return "no pool is served yet"
        return f"the kubelet does not know {', '.join(missing)}" if missing else None

    return check


def fresh(
    last_scan: Callable[[], float | None],
    *,
    deadline_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> Check:
    """Check that the last scan, at a time of `clock`, is younger than `deadline_s`."""

    def check() -> str | None:
        at = last_scan()
        if at is None:
            return "the node was not scanned yet"
        age = clock() - at
        return f"the last scan is {age:.0f} s old" if age > deadline_s else None

    return check
