"""Commands, files and links within a page's sentences."""

import re
from pathlib import Path

import pytest

from docs_check.blocks import PAGES, ROOT, spans
from docs_check.programs import unknown_words

HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The headings as links name them."""
    plain = [re.sub(r"[`*\[\]]", "", one).lower() for one in HEADING.findall(page.read_text())]
    return {re.sub(r"[^\w\- ]", "", one).replace(" ", "-") for one in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_in_a_sentence_has_options_that_exist(page: Path) -> None:
    assert [wrong for span in spans(page) if (wrong := unknown_words(span))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_a_page_and_to_a_heading_on_it(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#]*)(?:#([^)]+))?\)", page.read_text())
    broken = []
    for target, heading in links:
        to = (page.parent / target) if target else page
        if not to.exists() or (heading and heading not in anchors(to)):
            broken.append(f"{target}#{heading}")
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    pages = {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}
    assert {name for name in pages if f"]({name}" not in index} == set()
