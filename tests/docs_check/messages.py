"""The sentences that our programs can say, so that a page quotes none that nobody says.

A page writes `…` where a message has a name or a number. What stands between must be in one
sentence of the sources, or in several of the same file, from which the message is put together.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

from docs_check.blocks import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GAP = "…"
_SHORT = 4  # a fragment of so few characters says nothing
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
_JOINED = re.compile(r'"\s*\n\s*"')


@cache
def sentences() -> dict[Path, tuple[str, ...]]:
    """Every text in our sources, by file, with `…` for what is put in."""
    programs = [*ROOT.glob("netvsc/**/*.py"), *ROOT.glob("operator/**/*.py")]
    programs += ROOT.glob("deviceplugin/**/*.py")
    found = {file: (*_python(file.read_text()),) for file in programs}
    found |= {file: (*_c(file.read_text()),) for file in ROOT.glob("fdpipe/**/*.c")}
    return found


def _python(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(_part(part) for part in node.values)


def _part(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else GAP


def _c(text: str) -> Iterator[str]:
    for found in _LITERAL.findall(_JOINED.sub("", text)):
        yield found.replace('\\"', '"')


def unsaid(message: str) -> list[str]:
    """The parts of a message that no one file of ours can say."""
    parts = [part.strip() for part in message.split(GAP) if len(part.strip()) > _SHORT]
    missing = [[part for part in parts if not _says(said, part)] for said in sentences().values()]
    return min(missing, key=len) if parts else [message]


def _says(said: tuple[str, ...], part: str) -> bool:
    return any(part in sentence for sentence in said)
