"""Which Debian packages an image's files are from, told in the image itself.

What is left of a package in a collected root is a few of its files; neither who maintains it nor
under which licence it comes would be found. So each package that gave a file leaves its paragraph
of dpkg's status below var/lib/dpkg/status.d, where scanners of images without dpkg look
for it, and its copyright file with the licences that file refers to, where Debian keeps them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

STATUS = "var/lib/dpkg/status"
PARAGRAPHS = "var/lib/dpkg/status.d"
COMMON = "usr/share/common-licenses"
_LISTS = "var/lib/dpkg/info"
_MERGED = re.compile(r"^/(bin|lib|lib32|lib64|libx32|sbin)(?=/)")


def leave_notices(*, base: Path, root: Path, files: Iterable[Path]) -> None:
    """`files` are paths in the base; packages of it that own one are told in the root."""
    owners = owner_of_each(base)
    packages = {owners[name] for path in files if (name := unmerged(str(path))) in owners}
    known = paragraphs((base / STATUS).read_text())
    for package in sorted(packages):
        tell(package, known[package], base=base, root=root)


def tell(package: str, paragraph: str, *, base: Path, root: Path) -> None:
    """One package's paragraph, copyright and the licences it refers to."""
    _write(root / PARAGRAPHS / package, paragraph.encode())
    place = f"usr/share/doc/{package}/copyright"
    text = (base / place).resolve().read_bytes()
    _write(root / place, text)
    for licence in common_licences(text.decode(errors="replace")):
        source = base / COMMON / licence
        if source.is_file():
            _write(root / COMMON / licence, source.read_bytes())


def owner_of_each(base: Path) -> dict[str, str]:
    """Path → package, as dpkg's lists have it."""
    found = {}
    for listed in sorted((base / _LISTS).glob("*.list")):
        package = listed.stem.partition(":")[0]
        found |= {unmerged(line): package for line in listed.read_text().splitlines()}
    return found


def unmerged(path: str) -> str:
    """One name for a file below /lib and /usr/lib: lists have the one, programs say the other."""
    return _MERGED.sub(r"/usr/\1", path)


def paragraphs(status: str) -> dict[str, str]:
    """Package → its paragraph."""
    found = {}
    for block in status.strip().split("\n\n"):
        [name] = re.findall(r"^Package: (\S+)$", block, re.MULTILINE)
        found[name] = block + "\n"
    return found


def common_licences(copyright_file: str) -> set[str]:
    named = re.findall(r"/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9])", copyright_file)
    return set(named)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
