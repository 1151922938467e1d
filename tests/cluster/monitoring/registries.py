"""The real programs' registries, as each fills its own: what is exported, and under which names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from netvsc.model.pair import Inventory
from netvsc_deviceplugin.telemetry.metrics import AgentMetrics
from netvsc_deviceplugin.telemetry.pair_gauges import PairGauges
from netvsc_deviceplugin.telemetry.traffic import TrafficCollector
from netvsc_operator.controller.process import ControllerProcess, ControllerSettings
from netvsc_operator.webhook.metrics import WebhookMetrics as Webhook

if TYPE_CHECKING:
    from collections.abc import Iterable

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}


def agent_metrics() -> CollectorRegistry:
    """What the agent counts, without what it reads off at a scrape."""
    registry = CollectorRegistry()
    AgentMetrics(registry)
    return registry


def agent() -> CollectorRegistry:
    registry = agent_metrics()
    registry.register(
        PairGauges(pools=lambda: (), inventory=Inventory, allocations=dict, allocated_verbs=dict)
    )
    registry.register(TrafficCollector(inventory=Inventory))
    return registry


def controller() -> CollectorRegistry:
    """With the gauge of the certificates that it makes where no cert-manager does."""
    registry = CollectorRegistry()
    program = ControllerProcess(ControllerSettings(listen=":0"), registry)
    program._metrics.expires()
    return registry


def webhook() -> CollectorRegistry:
    registry = CollectorRegistry()
    Webhook(registry)
    return registry


def exported(registries: Iterable[CollectorRegistry]) -> set[str]:
    """The series' names, as queries say them."""
    return {
        f"{family.name}{suffix}"
        for registry in registries
        for family in registry.collect()
        for suffix in _SUFFIXES.get(family.type, ("",))
    }


def everybody() -> set[str]:
    """What all three programs export, and what Prometheus itself adds to a target."""
    return {*exported([agent(), controller(), webhook()]), "up"}
