"""docs/metrics.md is what the programs export, to the byte."""

from docs_check.metrics import PAGE, page, stale_notes


def test_the_page_is_what_would_be_written_today() -> None:
    """If not: PYTHONPATH=tests python -m docs_check.metrics."""
    assert PAGE.read_text() == page()


def test_every_note_is_about_a_metric_that_is_exported() -> None:
    assert stale_notes() == set()
