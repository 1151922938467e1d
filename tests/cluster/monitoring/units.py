"""Numbers as Grafana writes them, for the units that the dashboards use."""

from __future__ import annotations

import math

_STEPS = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("K", 1e3))
_TIMES = (("weeks", 604_800), ("days", 86_400), ("hours", 3600), ("min", 60), ("s", 1))
_SMALL = (("ms", 1e-3), ("µs", 1e-6))
_SUFFIX = {"bps": "b/s", "pps": "p/s"}


def shown(value: float, unit: str) -> str:
    if math.isnan(value):
        return "-"
    if unit == "s":
        return _seconds(value)
    return f"{_scaled(value)}{_SUFFIX.get(unit, '')}".strip()


def _seconds(value: float) -> str:
    for name, size in (*_TIMES, *_SMALL):
        if abs(value) >= size:
            return f"{_short(value / size)} {name}"
    return "0 s" if value == 0 else f"{value:.1g} s"


def _scaled(value: float) -> str:
    for name, size in _STEPS:
        if abs(value) >= size:
            return f"{_short(value / size)} {name}"
    return f"{_short(value)} "


def _short(value: float) -> str:
    return f"{value:.3g}"
