"""docs/compatibility.md says what the tests saw."""

from __future__ import annotations

from dpdk.compatibility import COLUMNS, DOCUMENT, LINES, cell, rendered, replaced
from dpdk.verdicts import Verdict

SEEN = Verdict(line="22.11", remedy="guard", case="storm", survived=20, removals=20, traffic=True)


def test_a_cell_says_what_was_survived_and_what_was_not_tried_is_said() -> None:
    assert cell([SEEN], line="22.11", remedy="guard") == "storm: 20 of 20, traffic"
    assert cell([SEEN], line="24.11", remedy="guard") == "not tried"


def test_the_table_is_replaced_and_the_rest_of_the_document_stays() -> None:
    document = "before\n<!-- table: how -->\nold\n<!-- end of table -->\nafter\n"
    once = replaced(document, rendered([SEEN]))
    assert once == replaced(once, rendered([SEEN]))
    assert once.startswith("before\n<!-- table: how -->\n")
    assert once.endswith("<!-- end of table -->\nafter\n")
    assert "old" not in once


def test_the_published_table_has_every_remedy_and_both_lines() -> None:
    text = DOCUMENT.read_text()
    assert f"| DPDK | {' | '.join(COLUMNS.values())} |" in text
    assert all(f"\n| {line} |" in text for line in LINES)
    assert "removal storm" in text
