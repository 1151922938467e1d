"""The dashboards as Grafana reads them: panels, and queries with the variables filled in.

Grafana documentation, "Add variables" and "Prometheus template variables".
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

MONITORING = Path(__file__).parents[3] / "charts/netvsc-operator/monitoring"
FILES = tuple(sorted((MONITORING / "dashboards").glob("*.json")))
SCRAPE_S = 15
RANGE_S = 3600  # of the picker: the recorded night
ALL = ".*"  # what "All" of a variable stands for

Json = dict[str, Any]
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_SERIES = re.compile(r"\b(?:netvsc[_:][\w:]*|up)\b")
_LABELS = re.compile(r"\{[^}]*\}|\b(?:by|on|without|ignoring)\s*\([^)]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    text: str
    legend: str
    instant: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    dashboard: str
    title: str
    kind: str
    unit: str
    queries: tuple[Query, ...]
    source: Json

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.title}"


def read(file: Path) -> Json:
    found: Json = json.loads(file.read_text())
    return found


def panels(dashboard: Json, **chosen: str) -> list[Panel]:
    """Every panel with its queries; `chosen` are values of variables, the rest stand at All."""
    return [_panel(dashboard, panel, chosen) for panel in dashboard["panels"]]


def _panel(dashboard: Json, panel: Json, chosen: Mapping[str, str]) -> Panel:
    step = max(SCRAPE_S, _seconds(panel.get("interval", "0s")))
    return Panel(
        dashboard=dashboard["title"],
        title=panel["title"],
        kind=panel["type"],
        unit=panel["fieldConfig"]["defaults"].get("unit", "none"),
        queries=tuple(
            Query(
                text=filled(one["expr"], variables(dashboard, chosen), step),
                legend=one.get("legendFormat", ""),
                instant=bool(one.get("instant")),
            )
            for one in panel["targets"]
        ),
        source=panel,
    )


def variables(dashboard: Json, chosen: Mapping[str, str]) -> dict[str, str]:
    names = [one["name"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
    return {name: chosen.get(name, ALL) for name in names}


def filled(text: str, values: Mapping[str, str], step: int) -> str:
    """The query as Grafana sends it; a variable that is left over is an error."""
    # Grafana: the larger of $__interval + scrape interval and four scrape intervals.
    rate = max(step + SCRAPE_S, 4 * SCRAPE_S)
    values = {**values, "__rate_interval": f"{rate}s", "__range": f"{RANGE_S}s"}
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value).replace(f"${name}", value)
    assert "$" not in text, f"a variable that nobody defines: {text}"
    return text


def _seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def series(text: str) -> set[str]:
    """The series that a query names."""
    return {*_SERIES.findall(_LABELS.sub("", _QUOTED.sub('""', text)))}


def rules() -> list[Json]:
    groups = yaml.safe_load((MONITORING / "rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def inlined(text: str) -> str:
    """The query for a Prometheus without our recording rules."""
    for rule in rules():
        if "record" in rule:
            text = text.replace(rule["record"], f"({rule['expr']})")
    return text
