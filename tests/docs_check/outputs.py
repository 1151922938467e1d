"""Whether what a `console` block shows is what its command prints.

What one file decides (`netvsc explain`) is compared line by line, a line `…` standing for any
number. What a cluster decides is compared by its head: columns are what a reader looks for.
"""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING, Any

import yaml

from docs_check.blocks import ROOT
from netvsc import cli
from netvsc_operator.kubectl import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docs_check.commands import Words

_CRDS = ROOT / "operator/netvsc_operator/crds"
_KINDS = {"nvn": "netvscnodes", "nvp": "netvscpools"}
_ANY = "…"


def differs(words: Words, shown: str) -> str:
    """What is wrong with the shown output, or nothing."""
    if words[:2] == ("netvsc", "explain"):
        return _against(_explained(words[1:]), shown)
    if words[:2] == ("netvsc", "doctor"):
        return _headed(("CHECK", "VERDICT", "SEEN"), shown)
    if words[:2] == ("kubectl", "netvsc"):
        return _headed(_head(words[2], wide="wide" in words), shown)
    if words[:2] == ("kubectl", "get") and words[2] in _KINDS:
        return _headed(tuple(_columns(_KINDS[words[2]], wide="wide" in words)), shown)
    return f"{' '.join(words)}: nobody compares what it prints; show it in a `text` block"


def _explained(words: Words) -> str:
    said = io.StringIO()
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(said):
        cli.main(list(words))
    return said.getvalue()


def _against(printed: str, shown: str) -> str:
    pattern = "".join(
        "(?:.*\n)*?" if line == _ANY else f"{re.escape(line)}\n" for line in shown.splitlines()
    )
    return "" if re.fullmatch(pattern, f"{printed.strip()}\n") else f"it prints:\n{printed}"


def _headed(head: tuple[str, ...], shown: str) -> str:
    first = tuple(shown.splitlines()[0].split())
    return "" if first == head else f"its columns are {' '.join(head)}"


def _head(verb: str, *, wide: bool) -> tuple[str, ...]:
    heads = {
        "status": (tables.pairs([], now=0) if wide else tables.nodes([])),
        "pods": tables.pods([], now=0, wide=wide),
        "events": tables.events([], now=0),
    }
    return heads[verb][0]


def _columns(kind: str, *, wide: bool) -> Iterator[str]:
    crd: Any = yaml.safe_load((_CRDS / f"{kind}.yaml").read_text())
    yield "NAME"
    for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]:
        if wide or not column.get("priority"):
            yield column["name"].upper()
