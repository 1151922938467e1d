"""The files that pages name are there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from docs_check.blocks import PAGES, ROOT, spans
from docs_check.tree import tracked

# What a path on a page may be relative to.
FOLDERS = (
    "",
    "netvsc/",
    "deviceplugin/netvsc_deviceplugin/",
    "operator/netvsc_operator/",
    "fdpipe/",
    "tests/",
    "tests/cluster/",
    "tests/fuzz/",
    "tests/unit/",
)
READMES = sorted(ROOT.glob("tests/**/README.md"))
FILE = re.compile(r"([\w./-]+\.(?:py|c|h))(?::\w+)?")


@cache
def names() -> frozenset[str]:
    return frozenset(str(path.relative_to(ROOT)) for path in tracked())


def missing(page: Path) -> list[str]:
    named = [found[1] for span in spans(page) if (found := FILE.fullmatch(span))]
    return [name for name in named if not _there(name, page.parent.relative_to(ROOT))]


def _there(name: str, beside: Path) -> bool:
    """Tell whether there is such a file; a name without a folder may be of any folder."""
    if "/" not in name:
        return any(path.rpartition("/")[2] == name for path in names())
    return any(f"{folder}{name}" in names() for folder in (*FOLDERS, f"{beside}/"))


@pytest.mark.parametrize(
    "page", [*PAGES, *READMES], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_each_file_that_a_page_names_is_there(page: Path) -> None:
    assert missing(page) == []


@pytest.mark.parametrize("name", ["cni/request.py", "no_such_file.py", "sidecar/no_such_file.c"])
def test_a_file_that_is_not_there_is_missed(name: str) -> None:
    assert not _there(name, Path("docs"))
