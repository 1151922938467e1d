"""docs/security.md names tests and lines of code: they are there, and the lists are the chart's."""

from __future__ import annotations

import ast
import pkgutil
import re
from functools import cache
from pathlib import Path

import pytest

from sim.capabilities import of_the_chart

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/security.md").read_text()
# `file::the_beginning_of_a_name`.
NAMED = sorted(set(re.findall(r"`((?:\w+/)?test_\w+)::(\w+)`", PAGE)))


@cache
def written_in(file: str) -> tuple[str, ...]:
    found = list((ROOT / "tests").rglob(f"{file}.py"))
    assert len(found) == 1, f"{file}.py is at {found}"
    tree = ast.parse(found[0].read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return tuple(node.name for node in ast.walk(tree) if isinstance(node, kinds))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda word: word)
def test_a_test_that_the_page_names_is_there(file: str, name: str) -> None:
    assert any(one.startswith(name) for one in written_in(file))


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    _, _, after = PAGE.partition(f"\n## {heading}\n")
    assert after, f"no heading {heading}"
    table = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert table
    lines = table.group().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_each_capability_of_the_chart_has_its_lines_of_code_and_they_are_there() -> None:
    table = rows("Capabilities")
    assert {row[0].strip("`") for row in table} == set(of_the_chart())
    for row in table:
        names = re.findall(r"`([\w.]+)`", row[1])
        assert names, row
        for name in names:
            assert callable(pkgutil.resolve_name(f"netvsc_deviceplugin.{name}")), name


def test_every_claim_that_a_pod_cannot_is_followed_by_a_test() -> None:
    claims = rows("A hostile pod")
    assert len(claims) > 10
    for row in claims:
        assert re.search(r"`(?:\w+/)?test_\w+::\w+`", row[-1]), row


def test_the_folders_of_the_host_are_those_of_the_chart() -> None:
    chart = (ROOT / "charts/netvsc-operator/templates/deviceplugin/daemonset.yaml").read_text()
    mounted = set(re.findall(r"mountPath: (/[\w./-]+)", chart)) - {"/etc/netvsc"}
    listed = {
        path for row in rows("Folders of the host") for path in re.findall(r"`(/\S+)`", row[0])
    }
    assert listed == {path.removeprefix("/host") for path in mounted}
