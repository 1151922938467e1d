"""Time series as Grafana draws them: lines, areas, bars or points; stacked, or on a log scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cluster.monitoring import svg
from cluster.monitoring.frame import Box, Line, Span, axes, keys, place
from cluster.monitoring.units import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cluster.monitoring.dashboards import Json, Panel


def timeseries(panel: Panel, lines: Sequence[Line], box: Box, span: Span) -> Iterator[str]:
    custom = panel.source["fieldConfig"]["defaults"]["custom"]
    plot = Box(box.x + 62, box.y, box.w - 70, box.h - 34)
    colours = {one.name: _colour(panel, one.name, number) for number, one in enumerate(lines)}
    if custom.get("stacking", {}).get("mode") == "normal":
        lines = [*_stacked(lines)][::-1]  # the lower ones over the higher
    top = max((v for one in lines for _, v in one.points if not math.isnan(v)), default=1.0) or 1.0
    scale = _Log(lines, top) if "scaleDistribution" in custom else _Linear(top)
    yield from axes(plot, span, [(scale.at(v), shown(v, panel.unit)) for v in scale.ticks()])
    for one in lines:
        for run in _runs(one.points, span.step):
            points = [(place(plot, span, t), plot.y + plot.h * (1 - scale.at(v))) for t, v in run]
            yield from _STYLES[_style(custom)](points, colours[one.name], plot, span)
    yield from keys(colours.items(), box)
    if "axisLabel" in custom:
        yield svg.text(plot.x + 4, plot.y + 10, custom["axisLabel"], size=9, fill=svg.FAINT)


def _style(custom: Json) -> str:
    style: str = custom.get("drawStyle", "line")
    return "area" if style == "line" and custom["fillOpacity"] else style


def _as_line(points: Sequence[svg.Point], colour: str, _plot: Box, _span: Span) -> Iterator[str]:
    yield svg.line(_thinned(points), colour)


def _as_area(points: Sequence[svg.Point], colour: str, plot: Box, _span: Span) -> Iterator[str]:
    floor = plot.y + plot.h
    base = [(points[0][0], floor), (points[-1][0], floor)]
    yield svg.area(_thinned(points), base, colour)
    yield svg.line(_thinned(points), colour)


def _as_bars(points: Sequence[svg.Point], colour: str, plot: Box, span: Span) -> Iterator[str]:
    wide = plot.w * span.step / (span.end - span.start) * 0.8
    floor = plot.y + plot.h
    yield from (
        svg.rect(x - wide / 2, y, wide, floor - y, colour) for x, y in points if floor - y > 0.5
    )


def _as_dots(points: Sequence[svg.Point], colour: str, _plot: Box, _span: Span) -> Iterator[str]:
    yield from (svg.dot(point, colour) for point in points)


_STYLES = {"line": _as_line, "area": _as_area, "bars": _as_bars, "points": _as_dots}


def _stacked(lines: Sequence[Line]) -> Iterator[Line]:
    below: dict[float, float] = {}
    for one in lines:
        below = {at: below.get(at, 0.0) + value for at, value in one.points}
        yield Line(one.name, tuple(below.items()))


class _Linear:
    def __init__(self, top: float) -> None:
        self._top = top * 1.05

    def at(self, value: float) -> float:
        return value / self._top

    def ticks(self) -> list[float]:
        size = 10 ** math.floor(math.log10(self._top))
        step = next(size * part for part in (0.1, 0.2, 0.5, 1, 2) if self._top / (size * part) <= 5)
        return [step * number for number in range(int(self._top / step) + 1)]


class _Log:
    def __init__(self, lines: Sequence[Line], top: float) -> None:
        seen = [value for one in lines for _, value in one.points if value > 0]
        self._low = math.floor(math.log10(min(seen, default=0.1)))
        self._high = max(math.floor(math.log10(top)) + 1, self._low + 1)

    def at(self, value: float) -> float:
        return (math.log10(max(value, 10**self._low)) - self._low) / (self._high - self._low)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]


def _colour(panel: Panel, name: str, number: int) -> str:
    overrides: list[Json] = panel.source["fieldConfig"]["overrides"]
    for one in overrides:
        if one["matcher"]["options"] == name:
            return svg.NAMED[one["properties"][0]["value"]["fixedColor"]]
    return svg.COLOURS[number % len(svg.COLOURS)]


def _runs(points: Iterable[tuple[float, float]], step: int) -> Iterator[list[tuple[float, float]]]:
    """Lines end where a value is missing."""
    run: list[tuple[float, float]] = []
    for at, value in points:
        if run and (math.isnan(value) or at - run[-1][0] > step):
            yield run
            run = []
        if not math.isnan(value):
            run.append((at, value))
    if run:
        yield run


def _thinned(points: Sequence[svg.Point]) -> list[svg.Point]:
    """Leave out what lies on a level line."""
    inner = (
        here
        for before, here, after in zip(points, points[1:], points[2:], strict=False)
        if not math.isclose(before[1], here[1], abs_tol=0.1)
        or not math.isclose(here[1], after[1], abs_tol=0.1)
    )
    return [points[0], *inner, points[-1]] if len(points) > 1 else list(points)
