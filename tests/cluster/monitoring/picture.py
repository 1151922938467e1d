"""A dashboard over the recorded night as one SVG: what Grafana would show, without Grafana."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.monitoring import backfilled, night, plots, series, svg
from cluster.monitoring.dashboards import SCRAPE_S, panels
from cluster.monitoring.frame import Box, Line, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.monitoring.backfilled import Backfilled, Series
    from cluster.monitoring.dashboards import Json, Panel

_COLUMN, _ROW, _GAP, _HEAD = 50, 30, 8, 44
_SPAN = Span(night.START, backfilled.END, SCRAPE_S)
_PLOTS = {
    "timeseries": series.timeseries,
    "state-timeline": plots.states,
    "heatmap": plots.heatmap,
}


def drawn(dashboard: Json, prometheus: Backfilled) -> str:
    all_panels = panels(dashboard)
    grids = [panel.source["gridPos"] for panel in all_panels]
    height = _HEAD + _ROW * max(grid["y"] + grid["h"] for grid in grids) + _GAP
    title = svg.text(_GAP, 28, dashboard["title"], size=18, bold=True)
    parts = [part for panel in all_panels for part in _panel(panel, prometheus)]
    return svg.picture(24 * _COLUMN + _GAP, height, [title, *parts])


def answers(panel: Panel, prometheus: Backfilled) -> list[tuple[str, Series]]:
    """What a panel's queries bring, each series with its query's legend."""
    now = panel.kind == "stat"
    return [
        (query.legend, one)
        for query in panel.queries
        for one in (
            prometheus.at(query.text)
            if now or query.instant
            else prometheus.over(query.text, step=SCRAPE_S)
        )
    ]


def _panel(panel: Panel, prometheus: Backfilled) -> Iterator[str]:
    grid = panel.source["gridPos"]
    x, y = _GAP + grid["x"] * _COLUMN, _HEAD + grid["y"] * _ROW
    w, h = grid["w"] * _COLUMN - _GAP, grid["h"] * _ROW - _GAP
    yield svg.rect(x, y, w, h, svg.CARD, edge=svg.EDGE)
    yield svg.text(x + 8, y + 18, panel.title, size=12, bold=True)
    box = Box(x + 4, y + 32, w - 8, h - 38)
    found = answers(panel, prometheus)
    if not found:
        yield svg.text(x + w / 2, y + h / 2, "No data", fill=svg.FAINT, anchor="middle")
        return
    if panel.kind == "table":
        yield from plots.table(panel, [one for _, one in found], box)
        return
    lines = [Line(plots.named(legend, labels, panel), tuple(p)) for legend, (labels, p) in found]
    if panel.kind == "stat":
        yield from plots.stat(panel, lines, box)
    else:
        yield from _PLOTS[panel.kind](panel, lines, box, _SPAN)
