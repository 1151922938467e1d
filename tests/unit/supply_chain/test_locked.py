"""What people install is what the lock names, with its hashes, and no more than they need."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from supply_chain.locked import needed, roots
from supply_chain.parts import canonical

ROOT = Path(__file__).parents[3]
LOCK = (ROOT / "requirements.lock").read_text()
PYPROJECT = (ROOT / "pyproject.toml").read_text()
ELSEWHERE = {"win-inet-pton"}  # pinned for another system; pip passes it over here


def names(text: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))


def installed(wanted: set[str], *, extra: str = "") -> set[str]:
    """All that these distributions need, as pip resolved it here."""
    found: set[str] = set()
    while wanted - found:
        name = (wanted - found).pop()
        found.add(name)
        for text in importlib.metadata.requires(name) or ():
            one = Requirement(text)
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                wanted = wanted | {canonical(one.name)}
    return found


@pytest.mark.parametrize("extra", ["operator", "deviceplugin"])
def test_an_extra_brings_what_it_needs_and_what_builds_the_wheel(extra: str) -> None:
    wanted = set(roots(PYPROJECT, [extra]))
    assert names(needed(LOCK, wanted)) - ELSEWHERE == installed(wanted)


def test_the_agent_brings_neither_of_the_apiservers_libraries() -> None:
    brought = names(needed(LOCK, roots(PYPROJECT, ["deviceplugin"])))
    assert brought & {"kopf", "kubernetes", "aiohttp", "requests"} == set()


def test_what_only_developers_use_is_not_brought() -> None:
    brought = names(needed(LOCK, roots(PYPROJECT, ["operator", "deviceplugin"])))
    assert brought & {"pytest", "mypy", "ruff", "grpcio-tools", "jsonschema"} == set()


def test_pins_keep_their_hashes_and_stand_as_they_do_in_the_lock() -> None:
    text = needed(LOCK, ["aiohttp-retry"])
    assert "aiohttp==" in text
    assert all(
        "--hash=sha256:" in pin for pin in re.split(r"^(?=\w)", text, flags=re.MULTILINE) if pin
    )
    assert all(line in LOCK.splitlines() for line in text.splitlines())


def test_what_the_lock_or_the_project_does_not_know_is_named() -> None:
    with pytest.raises(SystemExit, match="lacks unheard-of: run `make lock`"):
        needed(LOCK, ["Unheard_Of"])
    with pytest.raises(SystemExit, match="no extra kubectl: name deviceplugin or operator"):
        roots(PYPROJECT, ["kubectl"])
