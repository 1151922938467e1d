"""Panels of the other types: one number, states over time, a heatmap, a table."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from cluster.monitoring import svg
from cluster.monitoring.frame import Box, Line, Span, axes, keys, place
from cluster.monitoring.units import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cluster.monitoring.backfilled import Series
    from cluster.monitoring.dashboards import Panel


def named(legend: str, labels: dict[str, str], panel: Panel) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda m: labels.get(m[1], ""), legend) or panel.title


def stat(panel: Panel, lines: Sequence[Line], box: Box) -> Iterator[str]:
    value = lines[0].points[-1][1] if lines else math.nan
    colour = svg.INK
    for step in panel.source["fieldConfig"]["defaults"]["thresholds"]["steps"]:
        if step["value"] is None or value >= step["value"]:
            colour = svg.NAMED[step["color"]]
    middle = box.x + box.w / 2
    words = shown(value, panel.unit)
    yield svg.text(middle, box.y + box.h * 0.72, words, size=30, fill=colour, anchor="middle")


def states(panel: Panel, lines: Sequence[Line], box: Box, span: Span) -> Iterator[str]:
    """State timeline: a bar for each series, in the colours of its thresholds."""
    plot = Box(box.x + 190, box.y, box.w - 200, box.h - 34)
    defaults = panel.source["fieldConfig"]["defaults"]
    [mapping] = defaults["mappings"]
    colours = [svg.NAMED[step["color"]] for step in defaults["thresholds"]["steps"]]
    height = plot.h / max(1, len(lines))
    yield from axes(plot, span, [])
    for row, one in enumerate(sorted(lines, key=lambda line: line.name)):
        y = plot.y + row * height
        yield svg.text(plot.x - 6, y + height * 0.7, one.name, size=10, anchor="end")
        for start, end, value in _same(one.points, span):
            x, right = place(plot, span, start), place(plot, span, end)
            yield svg.rect(x, y + 1, right - x, height - 2, colours[int(value)])
    words = [(one["text"], colours[int(key)]) for key, one in mapping["options"].items()]
    yield from keys(words, box)


def heatmap(panel: Panel, lines: Sequence[Line], box: Box, span: Span) -> Iterator[str]:
    """Cumulative buckets, as `format: heatmap` takes them apart."""
    plot = Box(box.x + 62, box.y, box.w - 70, box.h - 18)
    rows = sorted(lines, key=lambda one: float(one.name))
    height = plot.h / max(1, len(rows))
    labels = [
        (number / max(1, len(rows)), shown(float(one.name), panel.unit))
        for number, one in enumerate(rows, 1)
        if not math.isinf(float(one.name))
    ]
    yield from axes(plot, span, labels)
    below: dict[float, float] = {}
    for number, one in enumerate(rows):
        values = dict(one.points)
        for at, value in values.items():
            if (own := value - below.get(at, 0.0)) > 0.1:
                x, y = place(plot, span, at), plot.y + plot.h - (number + 1) * height
                wide = plot.w * span.step / (span.end - span.start)
                yield svg.rect(x, y, wide, height, "#e8590c" if own > 1.5 else "#ffa94d")
        below = values


def table(panel: Panel, series: Iterable[Series], box: Box) -> Iterator[str]:
    organize = panel.source["transformations"][0]["options"]
    hidden, names = organize["excludeByName"], organize["renameByName"]
    rows = [
        {**labels, **({} if "Value" in hidden else {"Value": shown(points[-1][1], panel.unit)})}
        for labels, points in series
    ]
    order = organize.get("indexByName", {})
    columns = sorted(
        {key for row in rows for key in row if key not in hidden},
        key=lambda key: (order.get(key, 99), key),
    )
    shown_rows = (
        rows if "Value" in columns else sorted(rows, key=lambda row: str(row.get(columns[0])))
    )
    x = box.x + 4
    for key in columns:
        cells = [names.get(key, key), *(row.get(key, "") for row in shown_rows)]
        for number, cell in enumerate(cells[: int(box.h // 15)]):
            fill = svg.INK if number else svg.FAINT
            yield svg.text(x, box.y + 8 + 15 * number, cell, size=10, fill=fill)
        x += 26 + 6 * max(map(len, cells))


def _same(
    points: Sequence[tuple[float, float]], span: Span
) -> Iterator[tuple[float, float, float]]:
    """Stretches of one value, as start, end and value."""
    start, value = points[0]
    for at, now in points[1:]:
        if now != value:
            yield start, at, value
            start, value = at, now
    yield start, min(span.end, points[-1][0]), value
