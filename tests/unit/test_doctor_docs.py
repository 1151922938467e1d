"""docs/doctor.md tells of every check, in the words of the check."""

import re
from pathlib import Path

from netvsc_deviceplugin.doctor import command

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_has_the_checks_and_no_other() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", (DOCS / "doctor.md").read_text(), re.MULTILINE)
    assert rows == [(check.name, check.tells) for check in (*command.NODE, *command.IMAGE)]


def test_fixes_name_pages_that_exist() -> None:
    sources = (Path(command.__file__).parent).glob("checks_*.py")
    named = {
        page for file in sources for page in re.findall(r"docs/([\w/-]+\.md)", file.read_text())
    }
    assert named
    assert [page for page in named if not (DOCS / page).exists()] == []
