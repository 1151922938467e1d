"""No metric is forgotten half-way: somebody counts it, and every label starts at 0."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import cache
from inspect import signature
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from prometheus_client import CollectorRegistry

from cluster.monitoring import registries
from netvsc_deviceplugin.cni.protocol.request import Verb
from netvsc_deviceplugin.kernel.events import ScanReason
from netvsc_deviceplugin.telemetry.metrics import AgentMetrics
from netvsc_operator.controller.metrics import ControllerMetrics
from netvsc_operator.webhook.metrics import WebhookMetrics

ROOT = Path(__file__).parents[3]
PROGRAMS = {
    AgentMetrics: ROOT / "deviceplugin/netvsc_deviceplugin",
    ControllerMetrics: ROOT / "operator/netvsc_operator/controller",
    WebhookMetrics: ROOT / "operator/netvsc_operator/webhook",
}
METHODS = [(made, name) for made in PROGRAMS for name in vars(made) if not name.startswith("_")]
each_method = pytest.mark.parametrize(
    ("made", "method"), METHODS, ids=[f"{m.__name__}.{n}" for m, n in METHODS]
)
HOLDERS = {"metrics", "_metrics", "meter", "_meter"}  # what the objects are called where they are
OF_PAIRS = {"netvsc_vf_revocations", "netvsc_vf_returns", "netvsc_synthetic_seconds"}
# Parameters that are any string to a type checker, and which strings the programs give them.
STRINGS = {"reason": tuple(ScanReason), "verb": (*Verb, "unknown")}


def used(tree: ast.AST) -> Iterator[str]:
    """Yield each attribute that is taken of a metrics object: a method that is called or given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            of = node.value
            name = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
            if name in HOLDERS:
                yield node.attr


@cache
def uses(program: Path) -> frozenset[str]:
    """Return what a program takes of its metrics, in whichever module."""
    trees = [ast.parse(path.read_text()) for path in program.rglob("*.py")]
    return frozenset(name for tree in trees for name in used(tree))


@each_method
def test_somebody_calls_each_method_that_counts(made: type, method: str) -> None:
    assert method in uses(PROGRAMS[made])


def test_a_method_of_another_object_is_no_call() -> None:
    assert {*used(ast.parse("self._retry.reset(); self._meter.overrun(); meter.known"))} == {
        "overrun",
        "known",
    }


def choices(counted: Callable[..., object]) -> dict[str, tuple[object, ...]]:
    """Return what each parameter may be, as its type says; one value where it labels nothing."""
    hints = get_type_hints(counted)
    return {name: _choices(name, hints[name]) for name in signature(counted).parameters}


def _choices(name: str, kind: Any) -> tuple[object, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return tuple(kind)
    if get_origin(kind) is Iterable:
        return ((),)
    if kind is str and name != "pair":
        assert name in STRINGS, f"{name} is any string: give it a Literal or an enumeration"
        return STRINGS[name]
    return (0.0,)


def counted_labels(registry: CollectorRegistry) -> set[tuple[str, str, str]]:
    return {
        (sample.name, label, value)
        for family in registry.collect()
        if family.type == "counter"
        for sample in family.samples
        for label, value in sample.labels.items()
        if label != "pair"
    }


@each_method
def test_each_value_of_a_label_is_there_before_it_is_counted(made: Any, method: str) -> None:
    """Prometheus sees no increase from nothing: rate() would miss the first of a kind."""
    registry = CollectorRegistry()
    counted = getattr(made(registry), method)
    if Callable in {get_origin(one) for one in get_type_hints(counted).values()}:
        return  # it makes a gauge
    before = counted_labels(registry)
    possible = choices(counted)
    for values in product(*possible.values()):
        counted(**dict(zip(possible, values, strict=True)))
    assert counted_labels(registry) - before == set()


@pytest.mark.parametrize(
    ("registry", "empty"),
    [
        (registries.agent_metrics, OF_PAIRS),
        (registries.controller, set()),
        (registries.webhook, set()),
    ],
    ids=["agent", "controller", "webhook"],
)
def test_what_is_of_no_pair_has_a_value_from_the_start(
    registry: Callable[[], CollectorRegistry], empty: set[str]
) -> None:
    assert {one.name for one in registry().collect() if not one.samples} == empty
