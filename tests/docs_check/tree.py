"""The files that belong to the project: those that git knows and that are there."""

from __future__ import annotations

import subprocess
from pathlib import Path

from docs_check.blocks import ROOT


def tracked(*patterns: str) -> list[Path]:
    """Return them, or those of git's `patterns` (`netvsc/*.py` also means the folders below)."""
    words = ["git", "-C", str(ROOT), "ls-files", *patterns]
    names = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]
