"""Adding an annotation to a pod: each place that has to know of it, and what is wrong without."""

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from netvsc.model.pool import BUILT_IN, Mode
from netvsc_operator.admission import Result, annotations
from netvsc_operator.admission.annotations import (
    ANNOTATIONS,
    SETTINGS,
    Annotation,
    OneOf,
    PodSettings,
)
from sim.cluster.reviews import ask, patched, response, warnings

Object = dict[str, Any]
ROOT = Path(__file__).parents[3]
ADMISSION = ROOT / "operator/netvsc_operator/admission"
EVERY = yaml.safe_load_all((ROOT / "tests/unit/admission/golden/every-annotation.yaml").read_text())
OTHERS = [one for one in ANNOTATIONS if one.field != "mode"]
COMMANDS = [{"command": ["app"]}, {"args": ["-n4"]}]  # modes failsafe-fd and failsafe-exec


def values(one: Annotation) -> list[str]:
    """Return what the annotation takes, but for what is so without it."""
    if isinstance(one.values, OneOf):
        taken = {word.value for word in one.values.kind}
    else:
        taken = {str(one.values.lowest), str(one.values.highest)}
    pools = {"fallback": BUILT_IN.fallback, "mode": BUILT_IN.mode}
    usual = pools.get(one.field) or getattr(PodSettings(), one.field)
    return sorted(taken - {str(usual)})


def pod(runs: Object, **given: str) -> Object:
    container = {"name": "fwd", **runs, "resources": {"limits": {"netvsc.io/pair": "1"}}}
    return {"metadata": {"name": "x", "annotations": given}, "spec": {"containers": [container]}}


def made(runs: Object, **given: str) -> Object:
    """Return what becomes of the pod, or why it is refused."""
    asked = pod(runs, **given)
    answered = ask(asked)
    if answered.result is Result.REFUSED:
        return response(answered)["status"]
    spec: Object = patched(asked, answered)["spec"]
    return spec


@pytest.mark.parametrize("one", ANNOTATIONS, ids=lambda one: one.field)
def test_each_value_changes_what_some_pod_gets(one: Annotation) -> None:
    for value in values(one):
        changes = [made(runs, **{one.key: value}) != made(runs) for runs in COMMANDS]
        assert any(changes), f"{one.key}: {value}"


@pytest.mark.parametrize("one", OTHERS, ids=lambda one: one.field)
def test_in_a_mode_without_our_sidecar_it_has_an_effect_or_a_warning_that_it_has_none(
    one: Annotation,
) -> None:
    mode = {annotations.MODE: Mode.VDEV_NETVSC.value}
    for value in values(one):
        given = {**mode, one.key: value}
        changes = made(COMMANDS[0], **given) != made(COMMANDS[0], **mode)
        warned = any(one.key in text for text in warnings(ask(pod(COMMANDS[0], **given))))
        assert (changes, warned) == (not one.failsafe, one.failsafe), f"{one.key}: {value}"


@pytest.mark.parametrize("one", ANNOTATIONS, ids=lambda one: one.field)
def test_a_value_that_it_does_not_take_is_refused_with_those_it_takes(one: Annotation) -> None:
    answered = ask(pod(COMMANDS[0], **{one.key: "no such"}))
    assert answered.result is Result.REFUSED
    message = response(answered)["status"]["message"]
    assert one.key in message
    assert "write " in message


def test_every_key_of_this_kind_is_in_the_table() -> None:
    """A key that stands beside the table would be read by nobody, or be called unknown."""
    tree = ast.parse((ADMISSION / "annotations.py").read_text())
    names = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.JoinedStr)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert {getattr(annotations, name) for name in names} == {
        *SETTINGS,
        annotations.REANNOUNCE,
    }


def test_the_story_with_every_annotation_has_every_one() -> None:
    _, before, _ = EVERY
    assert set(before["metadata"]["annotations"]) == set(SETTINGS)
