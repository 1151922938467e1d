"""The part of requirements.lock that the program itself needs, with its hashes.

`python3 -m supply_chain.locked operator` prints it for `pip install --require-hashes -r`. The
standard library does. The lock says below each pin who wants it, so that it tells by itself what
belongs to what; what belongs to an extra, and what builds the wheel, stands in pyproject.toml.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
_PIN = re.compile(r"^(?=[A-Za-z0-9][\w.-]*==)", re.MULTILINE)
_NAME = re.compile(r"[\w.-]+")
_WANTS = re.compile(r"^    #   (\S+)$|^    # via (\S+)$", re.MULTILINE)


def needed(lock: str, roots: Iterable[str]) -> str:
    """Return the pins of `roots` and of all that they need, as they stand in the lock."""
    pins = {_name(pin): pin for pin in _PIN.split(lock) if pin}
    found: set[str] = set()
    more = {_name(root) for root in roots}
    if missing := more - pins.keys():
        raise SystemExit(f"requirements.lock lacks {', '.join(sorted(missing))}: run `make lock`")
    while more:
        found |= more
        more = {name for name, pin in pins.items() if _parents(pin) & found} - found
    return "".join(pins[name] for name in sorted(found))


def roots(pyproject: str, extras: Iterable[str]) -> list[str]:
    """Return what is wanted directly: by the extras, and to build the wheel."""
    told = tomllib.loads(pyproject)
    several = told["project"]["optional-dependencies"]
    if unknown := set(extras) - several.keys():
        raise SystemExit(f"there is no extra {', '.join(unknown)}: name {' or '.join(several)}")
    wanted = [*told["build-system"]["requires"], *(one for name in extras for one in several[name])]
    return [_name(one) for one in wanted]


def _parents(pin: str) -> set[str]:
    return {one or other for one, other in _WANTS.findall(pin)}


def _name(requirement: str) -> str:
    [name, *_] = _NAME.findall(requirement)
    return re.sub(r"[-_.]+", "-", str(name)).lower()


if __name__ == "__main__":
    wanted = roots((ROOT / "pyproject.toml").read_text(), sys.argv[1:])
    sys.stdout.write(needed((ROOT / "requirements.lock").read_text(), wanted))
