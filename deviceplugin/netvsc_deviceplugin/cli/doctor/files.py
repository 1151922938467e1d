"""Files that may not be there: what is missing is a fact, not an error."""

from __future__ import annotations

import os
from pathlib import Path

from netvsc.model.names import natural


def text(path: Path) -> str | None:
    data = content(path)
    return None if data is None else data.decode(errors="replace").strip()


def content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def number(path: Path) -> int:
    found = text(path)
    return int(found) if found and found.isdigit() else 0


def entries(folder: Path) -> list[Path]:
    """Return what a folder has, `node2` before `node10`; nothing if it is none."""
    try:
        return sorted(folder.iterdir(), key=lambda path: natural(path.name))
    except OSError:
        return []


def exists(path: Path) -> bool:
    """Tell whether it exists, as far as we may see (Path.exists raises where we may not)."""
    return os.path.exists(path)  # noqa: PTH110


def listable(folder: Path) -> bool:
    """Tell whether what is missing in a folder is truly not there."""
    return os.access(folder, os.R_OK | os.X_OK)


def target(link: Path) -> str | None:
    try:
        return link.readlink().name
    except OSError:
        return None
