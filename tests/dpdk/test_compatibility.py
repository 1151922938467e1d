"""docs/compatibility.md says what the tests saw, with this guard, and when."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from dpdk import lines
from dpdk.compatibility import COLUMNS, DOCUMENT, rendered, replaced
from dpdk.verdicts import Table, Verdict

SEEN = Verdict(
    line="22.11", remedy="guard", case="storm", survived=20, removals=20, traffic=True,
    date="2026-11-28", commit="0123456789",
)  # fmt: skip


def test_a_row_says_what_was_survived_and_when_it_was_seen() -> None:
    last = rendered([SEEN]).splitlines()[-1]
    assert last == "| 22.11 | guard | storm | 20 of 20 | both paths | 2026-11-28, 0123456789 |"


def test_rows_stand_by_dpdk_and_then_by_remedy() -> None:
    newer = replace(SEEN, line="26.11.0-rc0")
    plain = replace(SEEN, remedy="plain")
    rows = rendered([newer, SEEN, plain]).splitlines()[2:]
    assert [tuple(row.split(" | ")[:2]) for row in rows] == [
        ("| 22.11", "plain"), ("| 22.11", "guard"), ("| 26.11.0-rc0", "guard"),
    ]  # fmt: skip


def test_the_table_is_replaced_and_the_rest_of_the_document_stays() -> None:
    document = "before\n<!-- table: how -->\nold\n<!-- end of table -->\nafter\n"
    once = replaced(document, rendered([SEEN]))
    assert once == replaced(once, rendered([SEEN]))
    assert once.startswith("before\n<!-- table: how -->\n")
    assert once.endswith("<!-- end of table -->\nafter\n")
    assert "old" not in once


def test_results_are_stamped_with_the_day_and_the_commit_and_others_are_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "results.json"
    for case in ("one", "two"):
        table = Table()
        table.add(replace(SEEN, case=case, date="", commit=""))
        table.save(path)
    text = path.read_text()
    assert re.findall(r'"case": "(\w+)"', text) == ["one", "two"]
    assert all(re.findall(r'"(?:date|commit)": "(.+)"', text))
    assert len(re.findall(r'"commit": "[0-9a-f]{9,}\+?"', text)) == 2


def test_the_published_table_has_every_line_and_nothing_else_claims_a_figure() -> None:
    text = DOCUMENT.read_text()
    before, table = text.split("<!-- table", 1)
    table, after = table.split("<!-- end of table -->")
    assert f"| {' | '.join(COLUMNS)} |" in table
    assert all(f"\n| {name} | guard |" in table for name in ("22.11", *lines.ROOTS))
    assert not re.search(r"\d+ of \d+", before + after)
