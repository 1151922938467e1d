"""The house rules that a reader would otherwise have to check by eye."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from docs_check.blocks import ROOT
from docs_check.tree import tracked

SOURCES = [p for p in tracked() if p.suffix in {".py", ".c", ".h"} and "_pb2" not in p.name]
PYTHON = [path for path in SOURCES if path.suffix == ".py"]


def functions(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    return [(node.name, (node.end_lineno or 0) - node.lineno + 1) for node in nodes]


def test_no_python_lies_directly_in_operator_where_it_would_shadow_the_standard_library() -> None:
    assert list((ROOT / "operator").glob("*.py")) == []
    subprocess.run([sys.executable, "-c", "import collections"], cwd=ROOT, check=True)


def test_no_file_has_more_than_400_lines() -> None:
    long = {p.name: n for p in SOURCES if (n := len(p.read_text().splitlines())) > 400}
    assert long == {}


def test_no_function_has_more_than_60_lines() -> None:
    long = {
        f"{path.name}:{name}": lines
        for path in PYTHON
        for name, lines in functions(path)
        if lines > 60
    }
    assert long == {}


def test_hypothesis_has_one_profile_and_no_test_a_deadline_of_its_own() -> None:
    own = [
        f"{path.name}:{node.lineno}"
        for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("settings")
        if any(word.arg == "deadline" for word in node.keywords)
    ]
    assert own == []
    assert settings().deadline is None


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^\.PHONY: (\S+)$", text, flags=re.MULTILINE))
    shown = subprocess.run(
        ["make", "-s", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True
    )
    listed = {line.split()[0] for line in shown.stdout.splitlines() if line.startswith("  ")}
    assert targets == listed


def test_the_lock_file_pins_by_hash_and_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pins = re.findall(r"^[a-z0-9-]+==\S+", lock, flags=re.MULTILINE)
    assert len(pins) > 20
    assert lock.count("--hash=sha256:") >= len(pins)


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda page: page.name)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
