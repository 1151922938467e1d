"""Words that people find in objects: each is on the page that explains it."""

from __future__ import annotations

import ast
import re

import pytest

from docs_check.blocks import ROOT

_WORD = re.compile(r"[A-Z][A-Za-z]{2,}")
_AGENT, _OPERATOR = "deviceplugin/netvsc_deviceplugin", "operator/netvsc_operator"

# Modules in which every CamelCase word is a reason, a type or a state, and where it is explained.
EXPLAINED = {
    f"{_AGENT}/netvscnode/conditions.py": ["agent-node"],
    f"{_AGENT}/cni/chain/status.py": ["cni", "agent-node"],
    f"{_OPERATOR}/controller/pools/status.py": ["controller"],
    f"{_OPERATOR}/controller/events/phase.py": ["controller", "fdpipe"],
    f"{_OPERATOR}/controller/events/pod_condition.py": ["controller"],
    f"{_OPERATOR}/controller/events/rules.py": ["controller"],
    "netvsc/model/status.py": ["netvscnode", "controller"],
    "netvsc/model/pair.py": ["netvscnode", "pairs"],
}


@pytest.mark.parametrize("module", EXPLAINED)
def test_each_word_of_a_status_is_explained_on_its_page(module: str) -> None:
    constants = (
        node.value
        for node in ast.walk(ast.parse((ROOT / module).read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    words = {one for one in constants if _WORD.fullmatch(one)}
    pages = "".join((ROOT / f"docs/{page}.md").read_text() for page in EXPLAINED[module])
    assert words - {*re.findall(r"\w+", pages)} == set()
