"""A line that led nowhere is excused in two windows alone, and those are narrow."""

from __future__ import annotations

import pytest

from cluster.chaos.pipe import offered
from cluster.chaos.reads import MS, Read, Removal, Said, Window, excuses, window

GONE = Removal(vf="veth1", began=10_000 * MS)


def read(at_ms: int, vf: str = "veth1") -> Read:
    return Read(at=at_ms * MS, vf=vf)


def said(at_ms: int, event: str, detail: str = "") -> Said:
    return Said(at=at_ms * MS, event=event, detail=detail)


def test_a_line_that_was_read_before_the_sidecar_could_hear_is_excused() -> None:
    log = [said(9_900, "offered"), said(10_020, "gone")]
    assert window(read(10_010), [GONE], log) is Window.IN_PROBE


def test_a_line_that_was_read_after_the_sidecar_had_heard_is_not() -> None:
    log = [said(9_900, "offered"), said(10_020, "gone")]
    assert window(read(10_050), [GONE], log) is Window.OUTSIDE


def test_a_sidecar_that_hears_late_excuses_nothing() -> None:
    log = [said(9_900, "offered"), said(12_000, "gone")]
    assert window(read(10_500), [GONE], log) is Window.OUTSIDE


@pytest.mark.parametrize(
    ("offered_at", "judged"), [(9_850, Window.WRITER_DEAD), (9_500, Window.OUTSIDE)]
)
def test_a_dead_sidecar_is_an_excuse_for_two_polls_after_its_offer(
    offered_at: int, judged: Window
) -> None:
    assert window(read(10_050), [GONE], [said(offered_at, "offered")]) is judged


def test_an_address_that_never_went_has_no_excuse() -> None:
    assert window(read(10_010, "veth9"), [GONE], []) is Window.OUTSIDE


def test_the_last_removal_of_an_address_counts() -> None:
    before = Removal(vf="veth1", began=1_000 * MS)
    log = [said(950, "offered"), said(1_010, "gone"), said(10_020, "gone")]
    assert window(read(10_010), [before, GONE], log) is Window.IN_PROBE


def test_from_its_sidecar_alone_one_sees_when_an_application_may_have_read_too_late() -> None:
    log = [said(9_950, "offered"), said(9_990, "taken"), said(10_020, "gone")]
    assert excuses([GONE], log) == [GONE]
    calm = [said(8_000, "offered"), said(8_050, "taken"), said(10_020, "gone")]
    assert excuses([GONE], calm) == []


def test_a_removal_of_which_no_sidecar_heard_is_an_excuse_right_after_an_offer_alone() -> None:
    assert excuses([GONE], [said(9_900, "offered")]) == [GONE]
    assert excuses([GONE], [said(5_000, "offered")]) == []


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", None),
        (b"\n", None),
        (b"a\n", "a"),
        (b"\na\n", "a"),
        (b"a\n\n", None),
        (b"a\nb\n", "b"),
        (b"a", "a"),
    ],
)
def test_what_stands_in_a_pipe_is_its_last_line(data: bytes, line: str | None) -> None:
    assert offered(data) == line
