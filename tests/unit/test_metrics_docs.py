"""docs/metrics.md names what is exported, and nothing else."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from netvsc.pair import Inventory
from netvsc_deviceplugin.metrics import Metrics
from netvsc_deviceplugin.metrics_now import Now
from netvsc_deviceplugin.metrics_traffic import TrafficNow

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documented_metrics_are_the_exported_ones() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    registry.register(Now(pools=lambda: (), inventory=Inventory, allocations=dict, given=dict))
    registry.register(TrafficNow(inventory=Inventory))
    exported = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in registry.collect()
    }
    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "metrics.md").read_text(), flags=re.MULTILINE)
    assert sorted(rows) == sorted(exported)
