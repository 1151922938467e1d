"""docs/doctor.md tells of every check, in the words of the check."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from netvsc_deviceplugin.cli.doctor import command

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_has_the_checks_and_no_other() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", (DOCS / "doctor.md").read_text(), re.MULTILINE)
    assert rows == [(check.name, check.tells) for check in (*command.NODE, *command.IMAGE)]


def test_fixes_name_pages_that_exist() -> None:
    named = {
        page for file in SOURCES for page in re.findall(r"docs/([\w/-]+\.md)", file.read_text())
    }
    assert named
    assert [page for page in named if not (DOCS / page).exists()] == []


def test_each_fix_is_a_command_or_a_page() -> None:
    fixes = [fix for file in SOURCES for fix in written_in(ast.parse(file.read_text()))]
    assert len(fixes) > 30
    assert [fix for fix in fixes if not _REMEDY.search(fix)] == []


SOURCES = sorted(Path(command.__file__).parent.glob("checks_*.py"))
_COMMANDS = "apt-get|az|chmod|dmesg|echo|kubectl|modprobe|mount|systemctl|udevadm"
_REMEDY = re.compile(rf"docs/[\w/-]+\.md|\b(?:{_COMMANDS}) |_NEW_IMAGE")


def written_in(module: ast.Module) -> Iterator[str]:
    """The text of each `fix`; names of constants stand for what they are."""
    for node in ast.walk(module):
        named = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "fix"
        given = isinstance(node, ast.keyword) and node.arg == "fix"
        if named or (given and not isinstance(node.value, ast.Name)):  # type: ignore[attr-defined]
            parts = list(ast.walk(node.value))  # type: ignore[attr-defined]
            text = [part.value for part in parts if isinstance(part, ast.Constant)]
            text += [part.id for part in parts if isinstance(part, ast.Name)]
            yield "".join(map(str, text))
