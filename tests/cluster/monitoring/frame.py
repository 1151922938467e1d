"""What all drawings share: boxes, time's axis, legends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cluster.monitoring import svg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TICKS = 6


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """The time that all panels show."""

    start: float
    end: float
    step: int


def axes(plot: Box, span: Span, labels: Iterable[tuple[float, str]]) -> Iterator[str]:
    for height, words in labels:
        y = plot.y + plot.h * (1 - height)
        yield svg.line([(plot.x, y), (plot.x + plot.w, y)], svg.EDGE, width=0.5)
        yield svg.text(plot.x - 5, y + 3, words, size=9, fill=svg.FAINT, anchor="end")
    for number in range(_TICKS + 1):
        at = span.start + (span.end - span.start) * number / _TICKS
        x, clock = place(plot, span, at), datetime.fromtimestamp(round(at / 60) * 60, UTC)
        y = plot.y + plot.h + 12
        yield svg.text(x, y, f"{clock:%H:%M}", size=9, fill=svg.FAINT, anchor="middle")


def keys(words: Iterable[tuple[str, str]], box: Box) -> Iterator[str]:
    x, y = box.x + 6, box.y + box.h - 4
    for name, colour in words:
        wide = 30 + 6 * len(name)
        if x + wide > box.x + box.w:
            return
        yield svg.rect(x, y - 7, 12, 4, colour)
        yield svg.text(x + 16, y - 1, name, size=10, fill=svg.FAINT)
        x += wide


def place(plot: Box, span: Span, at: float) -> float:
    return plot.x + plot.w * (at - span.start) / (span.end - span.start)
