"""The chart's files agree with each other and with the operator's."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
CHART = ROOT / "charts/netvsc-operator"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
CRDS = ROOT / "operator/netvsc_operator/crds"
FREE = {"global", "pool.spec"}  # Helm's own; the API checks the other


def described(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in part.get("properties", {}).items():
        yield f"{path}{name}", inner
        yield from described(inner, f"{path}{name}.")


@pytest.mark.parametrize("name", sorted(path.name for path in CRDS.glob("*.yaml")))
def test_the_charts_crd_is_the_operators(name: str) -> None:
    assert (CHART / "crds" / name).read_text() == (CRDS / name).read_text(), (
        f"run cp {CRDS.relative_to(ROOT)}/*.yaml {CHART.relative_to(ROOT)}/crds/"
    )


def test_the_chart_has_no_other_crd() -> None:
    shipped = {path.name for path in (CHART / "crds").iterdir()}
    assert shipped == {path.name for path in CRDS.iterdir()}


def test_every_value_is_described_and_nothing_else_is_accepted() -> None:
    for path, part in [("", SCHEMA), *described(SCHEMA)]:
        assert part["description"].endswith("."), path
        if part.get("type") == "object" and path not in FREE:
            assert part["additionalProperties"] is False, path
        if "properties" not in part and path not in FREE:
            assert part["examples"], path


def test_the_schema_and_the_defaults_name_the_same_values() -> None:
    def names(values: Any, schema: Any, path: str = "") -> None:
        assert values.keys() == schema["properties"].keys() - {"global"}, path
        for name, inner in schema["properties"].items():
            if "properties" in inner:
                names(values[name], inner, f"{path}{name}.")

    names(VALUES, SCHEMA)


def test_the_charts_version_is_the_projects() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    said = (ROOT / "pyproject.toml").read_text()
    assert f'\nversion = "{chart["appVersion"]}"\n' in said
    assert chart["version"] == chart["appVersion"]


def test_the_proof_of_a_pair_is_a_program_that_the_kubelet_leaves_alone() -> None:
    """It stands in a pod's command, where `$(NAME)` would be replaced."""
    text = (CHART / "files/prove_pair.py").read_text()
    assert ast.parse(text).body
    assert "$(" not in text


@pytest.mark.parametrize("path", sorted((ROOT / "manifests").rglob("*.yaml")), ids=lambda p: p.name)
def test_a_manifest_is_yaml_whose_objects_have_kind_and_name(path: Path) -> None:
    for one in yaml.safe_load_all(path.read_text()):
        assert one["apiVersion"], path
        assert one["kind"], path
        assert one["metadata"]["name"], path
