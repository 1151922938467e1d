"""The fenced blocks of the project's pages. The word after the fence says how each is proven."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_WRITTEN = ("*.md", "docs/**/*.md", "charts/**/*.md", "manifests/*.md", "fdpipe/*.md")
PAGES = sorted(page for pattern in _WRITTEN for page in ROOT.glob(pattern))
_BLOCK = re.compile(r"^```([^\n`]*)\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """`kind` is what stands after the fence, such as `yaml` or `text message`."""

    page: Path
    line: int
    kind: str
    text: str

    @property
    def place(self) -> str:
        """Where it stands, as an editor finds it; a test's name."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(
            page=page,
            line=text.count("\n", 0, found.start()) + 1,
            kind=found[1].strip(),
            text=found[2],
        )
        for found in _BLOCK.finditer(text)
    ]


def spans(page: Path) -> list[str]:
    """What stands between single backticks, outside of the blocks."""
    return _SPAN.findall(_BLOCK.sub("", page.read_text()))


def all_blocks(*kinds: str) -> list[Block]:
    """Every block of these kinds, of all kinds if none is named."""
    found = [block for page in PAGES for block in blocks(page)]
    return [block for block in found if not kinds or block.kind in kinds]
