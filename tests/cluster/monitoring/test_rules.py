"""Alerts say what they should when they should: Debian's promtool plays whole nights of series."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.harness import layout
from cluster.monitoring.prometheus import program

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[3]
RULES = ROOT / "charts/netvsc-operator/monitoring/rules.yaml"
NIGHTS = Path(__file__).with_name("rules_test.yaml")


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = program(layout("rules"), "promtool")
    return subprocess.run([str(tool), *arguments], check=False, capture_output=True, text=True)


def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_prometheus_takes_the_rules() -> None:
    checked = promtool("check", "rules", str(RULES))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_fire_when_they_should_and_only_then() -> None:
    played = promtool("test", "rules", str(NIGHTS))
    assert played.returncode == 0, played.stdout + played.stderr


def test_every_alert_is_played_and_has_its_runbook() -> None:
    played = set(re.findall(r"alertname: (\w+)", NIGHTS.read_text()))
    assert played == set(alerts())
    for name, rule in alerts().items():
        page = ROOT / "docs/runbooks" / f"{rule['annotations']['runbook_url']}.md"
        assert page.read_text().startswith(f"# {name}, {rule['labels']['severity']}\n")


def test_no_runbook_is_left_of_an_alert_that_is_gone() -> None:
    named = {rule["annotations"]["runbook_url"] for rule in alerts().values()}
    assert {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")} == named
