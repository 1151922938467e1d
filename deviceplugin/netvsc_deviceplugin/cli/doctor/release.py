"""Kernel releases: which stable kernels panic when a netns with a pair inside is deleted. Pure.

From 4c262801ea60 (6.12, and stable releases of late October 2024) to before 33caa208dba6 (6.17,
and stable releases of August 2025; CVE-2025-38683). Distributions carry patches of their own, so
that the number of, say, Ubuntu's 6.8.0-1021-azure says nothing.
"""

from __future__ import annotations

import re

Version = tuple[int, int, int]

# series: first release with the bug, first without it
_PANICS: dict[tuple[int, int], tuple[int, int | None]] = {
    (5, 4): (285, 297),
    (5, 10): (229, 241),
    (5, 15): (170, 190),
    (6, 1): (115, 149),
    (6, 6): (59, 103),
    (6, 11): (6, None),
    (6, 12): (0, 43),
    (6, 13): (0, None),
    (6, 14): (0, None),
    (6, 15): (0, 11),
    (6, 16): (0, 2),
}
_FIXED = (6, 17)
_OLDEST = (5, 4)
_NEVER = (0, 0)  # a series that had ended before the bug


def version(release: str) -> Version | None:
    """Return the numbers that a release begins with: 6.6.57.1-2.azl3 is (6, 6, 57)."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", release)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def panics(release: str) -> bool | None:
    """Tell whether this kernel has the bug; None where its number does not tell."""
    numbers = version(release)
    if numbers is None:
        return None
    if numbers[:2] >= _FIXED:
        return False
    if not _is_upstream(release):
        return None
    if numbers[:2] < _OLDEST:
        return None
    first, fixed = _PANICS.get(numbers[:2], _NEVER)
    return numbers[2] >= first and (fixed is None or numbers[2] < fixed)


def _is_upstream(release: str) -> bool:
    """Azure Linux (6.6.57.1-2.azl3) and kernels from kernel.org; not Ubuntu's, not Red Hat's."""
    if ".azl" in release or ".cm2" in release:
        return True
    return re.fullmatch(r"\d+\.\d+\.\d+(?:\+|-rc\d+)?", release) is not None
