"""No metric is forgotten half-way: somebody counts it, and it has a value from the start."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from netvsc_deviceplugin.telemetry.metrics import AgentMetrics
from netvsc_operator.controller.metrics import ControllerMetrics
from netvsc_operator.webhook.metrics import WebhookMetrics

ROOT = Path(__file__).parents[3]
CLASSES = {
    AgentMetrics: "deviceplugin/netvsc_deviceplugin/telemetry/metrics.py",
    ControllerMetrics: "operator/netvsc_operator/controller/metrics.py",
    WebhookMetrics: "operator/netvsc_operator/webhook/metrics.py",
}
METHODS = [(made, name) for made in CLASSES for name in vars(made) if not name.startswith("_")]


@cache
def calls(program: str, metrics: str) -> frozenset[str]:
    """Return what is called in a program as a method, or passed on as one, but for its metrics."""
    texts = [p.read_text() for p in (ROOT / program).rglob("*.py") if p != ROOT / metrics]
    return frozenset(name for text in texts for name in re.findall(r"\.(\w+)\b", text))


@pytest.mark.parametrize(
    ("made", "method"), METHODS, ids=[f"{m.__module__}.{n}" for m, n in METHODS]
)
def test_somebody_calls_each_method_that_counts(made: type, method: str) -> None:
    metrics = CLASSES[made]
    assert method in calls(metrics.split("/")[0], metrics)


def test_what_is_of_no_pair_has_a_value_from_the_start() -> None:
    registry = CollectorRegistry()
    AgentMetrics(registry)
    of_pairs = {"netvsc_vf_revocations", "netvsc_vf_returns", "netvsc_synthetic_seconds"}
    empty = {family.name for family in registry.collect() if not family.samples}
    assert empty == of_pairs
