"""Dashboards and alerts over a recorded night, in a real Prometheus: every panel has its say."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster.monitoring import dashboards
from cluster.monitoring.backfilled import playing
from cluster.monitoring.dashboards import FILES, Panel, filled, panels, read, rules
from cluster.monitoring.picture import answers, drawn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.monitoring.backfilled import Backfilled

pytestmark = pytest.mark.cluster

PICTURES = Path(__file__).parents[3] / "docs/pictures"
PANELS = [panel for file in FILES for panel in panels(read(file))]
# What this night has none of, and what its panel is there to say.
GOOD_NEWS = {"Verbs mismatch", "Pairing conflicts"}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backfilled]:
    with playing(tmp_path_factory.mktemp("night")) as made:
        yield made


def panel(title: str, dashboard: str, **chosen: str) -> Panel:
    [found] = [one for one in panels(read(_file(dashboard)), **chosen) if one.title == title]
    return found


def _file(stem: str) -> Path:
    return next(file for file in FILES if file.stem == stem)


def values(prometheus: Backfilled, shown: Panel) -> list[float]:
    """All numbers of a panel, in the order of its series."""
    found = answers(shown, prometheus)
    return [value for _, (_, points) in found for _, value in points if not math.isnan(value)]


@pytest.mark.parametrize("shown", PANELS, ids=str)
def test_every_panel_shows_the_recorded_night(prometheus: Backfilled, shown: Panel) -> None:
    seen = values(prometheus, shown)
    assert seen, "no data"
    assert (max(seen) == 0) is (shown.title in GOOD_NEWS)


@pytest.mark.parametrize("shown", PANELS, ids=str)
def test_every_legend_has_its_labels(prometheus: Backfilled, shown: Panel) -> None:
    for legend, (labels, _) in answers(shown, prometheus):
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= labels.keys()


def test_who_was_on_the_slow_path_is_named_with_the_time_it_took(prometheus: Backfilled) -> None:
    found = answers(panel("Who was on the slow path, and for how long", "fleet"), prometheus)
    told = {labels["pod"]: points[0][1] for _, (labels, points) in found}
    assert next(iter(told)) == "fwd-2-2"  # the longest first
    assert told["fwd-0-2"] == pytest.approx(62, abs=2)
    assert told["fwd-1-1"] == pytest.approx(31, abs=2)
    assert "fwd-3-1" not in told


def test_a_pair_that_nobody_holds_is_named_without_a_pod(prometheus: Backfilled) -> None:
    query = panel("Who was on the slow path, and for how long", "fleet").queries[0].text
    nobody = query.replace("netvsc_pair_allocation_info", 'netvsc_pair_allocation_info{pod="-"}')
    assert len(prometheus.at(nobody)) == 8


def test_the_pair_that_is_still_without_its_vf_is_named(prometheus: Backfilled) -> None:
    [(_, (labels, _))] = answers(panel("Without their VF now", "fleet"), prometheus)
    assert (labels["instance"], labels["pod"]) == ("aks-nf-2", "fwd-2-2")


def test_a_chosen_node_and_pair_are_the_only_ones_shown(prometheus: Backfilled) -> None:
    chosen = {"node": "aks-nf-0", "pair": "00-0d-3a-c0-00-02"}
    found = answers(panel("Path of each pair", "pair", **chosen), prometheus)
    [(_, (labels, points))] = found
    assert labels == {"instance": "aks-nf-0", "pair": "00-0d-3a-c0-00-02"}
    away = [at for at, value in points if value == 0]
    assert max(away) - min(away) == pytest.approx(62, abs=16)


def test_variables_offer_the_nodes_and_their_pairs(prometheus: Backfilled) -> None:
    offered = {}
    for one in read(_file("pair"))["templating"]["list"]:
        if one["type"] == "query":
            found = re.fullmatch(r"label_values\((.*), (\w+)\)", one["query"]["query"])
            assert found
            series = prometheus.at(filled(found[1], {"node": "aks-nf-1"}, dashboards.SCRAPE_S))
            offered[one["name"]] = {labels[found[2]] for labels, _ in series}
    assert offered["node"] == {f"aks-nf-{number}" for number in range(4)}
    assert offered["pair"] == {f"00-0d-3a-c0-01-0{number}" for number in (1, 2, 3)}


def test_an_outage_is_seen_in_its_bucket(prometheus: Backfilled) -> None:
    query = 'max_over_time(sum(increase(netvsc_vf_outage_seconds_bucket{le="90.0"}[75s]))[1h:15s])'
    below = query.replace('"90.0"', '"60.0"')
    [(_, [(_, all_up_to_90)])] = prometheus.at(query)
    [(_, [(_, all_up_to_60)])] = prometheus.at(below.replace("1h:15s", "20m:15s"))
    assert all_up_to_90 >= 3
    assert all_up_to_60 == 0


def test_the_night_rings_the_right_alarms(prometheus: Backfilled) -> None:
    """As expressions, at the moment; how long each must hold is played by test_rules."""
    firing = {
        rule["alert"]
        for rule in rules()
        if "alert" in rule
        for _, [(_, value)] in [
            *prometheus.at(f"max_over_time(({rule['expr'].strip()})[58m:15s])"),
        ]
        if not math.isnan(value)
    }
    assert {"NetvscPairStuckOnSynthetic", "NetvscAnnouncementNotTaken"} <= firing
    assert not firing & {"NetvscVerbsMismatch", "NetvscAgentDown", "NetvscWebhookFailing"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_pictures_in_the_docs_are_of_these_dashboards(
    prometheus: Backfilled, file: Path
) -> None:
    picture = (PICTURES / f"dashboard-{file.stem}.svg").read_text()
    assert picture == drawn(read(file), prometheus), "make pictures"
    assert len(picture) < 100_000
