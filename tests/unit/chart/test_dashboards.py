"""Dashboards, alerts and pages speak of series that the real programs export."""

import json
import re
from pathlib import Path

import pytest

from cluster.monitoring.dashboards import FILES, filled, panels, read, rules, series
from cluster.monitoring.registries import everybody

DOCS = Path(__file__).parents[3] / "docs"
EXPORTED = everybody()
RECORDED = {rule["record"] for rule in rules() if "record" in rule}
FAMILIES = {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in EXPORTED} | EXPORTED
OUR_PACKAGES = {"netvsc_deviceplugin", "netvsc_operator"}


def test_a_querys_series_are_told_from_its_labels_and_texts() -> None:
    query = (
        'sum by (netvsc_a) (rate(netvsc_b{netvsc_c="netvsc_d"}[1m])) and on (up) netvsc:e:f > up'
    )
    assert series(query) == {"netvsc_b", "netvsc:e:f", "up"}


def test_a_variable_that_nobody_defines_is_an_error() -> None:
    assert filled("a[$__rate_interval] b${node}", {"node": "n"}, 60) == "a[75s] bn"
    with pytest.raises(AssertionError, match="nobody defines"):
        filled("$pod", {}, 60)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_dashboard_asks_for_what_is_exported(file: Path) -> None:
    named = {
        name for panel in panels(read(file)) for one in panel.queries for name in series(one.text)
    }
    assert named
    assert named - EXPORTED - RECORDED == set()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert", rule.get("record")))
def test_a_rule_asks_for_what_is_exported(rule: dict[str, str]) -> None:
    named = series(rule["expr"])
    assert named
    assert named - EXPORTED - RECORDED == set()


@pytest.mark.parametrize("page", sorted(DOCS.glob("**/*.md")), ids=lambda page: page.name)
def test_a_page_names_only_metrics_that_are_exported(page: Path) -> None:
    named = set(re.findall(r"\bnetvsc_[a-z0-9_]*[a-z0-9]\b(?!\.)", page.read_text()))
    assert named - FAMILIES - OUR_PACKAGES == set()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_panels_have_a_title_of_their_own_a_description_and_a_place(file: Path) -> None:
    found = read(file)["panels"]
    titles = [panel["title"] for panel in found]
    assert len({*titles}) == len(titles)
    assert all(panel["description"].endswith(".") for panel in found)
    assert len({panel["id"] for panel in found}) == len(found)
    cells = [
        (x, y)
        for panel in found
        for grid in [panel["gridPos"]]
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len({*cells}) == len(cells), "two panels overlap"
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_query_goes_to_the_chosen_data_source(file: Path) -> None:
    found = read(file)
    sources = [panel["datasource"] for panel in found["panels"]]
    sources += [target["datasource"] for panel in found["panels"] for target in panel["targets"]]
    assert {json.dumps(one) for one in sources} == {
        '{"type": "prometheus", "uid": "${datasource}"}'
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_rate_is_shorter_than_four_scrapes(file: Path) -> None:
    """A window that is written down is empty for those who scrape each minute."""
    queries = [target["expr"] for panel in read(file)["panels"] for target in panel["targets"]]
    short = [query for query in queries if re.search(r"\[\d+[sm]\]", query)]
    assert short == []
