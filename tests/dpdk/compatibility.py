"""Writes the table of docs/compatibility.md from results.json: `python -m dpdk.compatibility`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from dpdk import machine
from dpdk.verdicts import Verdict

DOCUMENT = Path(__file__).parents[2] / "docs" / "compatibility.md"
REMEDIES = ("plain", "guard", "exec", "gate", "port 0", "patch")
COLUMNS = ("DPDK", "remedy", "what was done", "survived", "traffic", "seen")
BEGIN, END = "<!-- table", "<!-- end of table -->"


def row(verdict: Verdict) -> tuple[str, ...]:
    survived = f"{verdict.survived} of {verdict.removals}"
    traffic = {True: "both paths", False: "lost", None: ""}[verdict.traffic]
    ports = ", port ids stable" if verdict.ports_stable else ""
    seen = f"{verdict.date}, {verdict.commit}"
    return verdict.line, verdict.remedy, verdict.case + ports, survived, traffic, seen


def order(verdict: Verdict) -> tuple[list[int], int, str]:
    version = [int(part) for part in verdict.line.split("-")[0].split(".")]
    return version, REMEDIES.index(verdict.remedy), verdict.case


def rendered(verdicts: Iterable[Verdict]) -> str:
    """The table in Markdown: a row per DPDK, remedy and trial."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *map(row, sorted(verdicts, key=order))]
    return "\n".join(f"| {' | '.join(one)} |" for one in rows)


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
