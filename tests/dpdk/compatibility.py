"""Writes the table of docs/compatibility.md from results.json: `python -m dpdk.compatibility`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from dpdk import machine
from dpdk.verdicts import Verdict

DOCUMENT = Path(__file__).parents[2] / "docs" / "compatibility.md"
COLUMNS = {
    "plain": "plain",
    "guard": "guard",
    "gate": "gate",
    "port0": "port 0",
    "patch": "patch",
    "exec": "exec",
}
LINES = ("22.11", "24.11")
BEGIN, END = "<!-- table", "<!-- end of table -->"


def sentence(verdict: Verdict) -> str:
    told = f"{verdict.case}: {verdict.survived} of {verdict.removals}"
    told += ", traffic" if verdict.traffic else ""
    return told + (", port ids stable" if verdict.ports_stable else "")


def cell(verdicts: Iterable[Verdict], *, line: str, remedy: str) -> str:
    found = [sentence(v) for v in verdicts if (v.line, v.remedy) == (line, remedy)]
    return "<br>".join(found) or "not tried"


def rendered(verdicts: Iterable[Verdict]) -> str:
    """The table in Markdown: a row per DPDK, a column per remedy."""
    known = list(verdicts)
    rows = [["DPDK", *COLUMNS.values()], ["---"] * (len(COLUMNS) + 1)]
    rows += [[n, *(cell(known, line=n, remedy=r) for r in COLUMNS)] for n in LINES]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def replaced(document: str, table: str) -> str:
    before, rest = document.split(BEGIN, 1)
    comment, rest = rest.split("\n", 1)
    return f"{before}{BEGIN}{comment}\n\n{table}\n\n{END}{rest.split(END, 1)[1]}"


def main() -> int:
    results = machine.cache() / "results.json"
    if not results.exists():
        print(f"{results} is not there: run pytest tests/dpdk first", file=sys.stderr)
        return 1
    verdicts = [Verdict(**found) for found in json.loads(results.read_text())]
    DOCUMENT.write_text(replaced(DOCUMENT.read_text(), rendered(verdicts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
