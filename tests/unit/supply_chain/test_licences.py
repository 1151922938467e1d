"""The page of licences: what the images hold, and nothing hidden in it."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from supply_chain.known import DEBIAN, python_licence
from supply_chain.licences import asks, page
from supply_chain.parts import Part, canonical

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/licences.md").read_text()
EXTRAS = ("deviceplugin", "operator")


def _section(name: str) -> list[list[str]]:
    [text] = re.findall(rf"^## {name}\n.*\n.*\n((?:\|.*\n)*)", PAGE, re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]


def _shipped() -> set[str]:
    """Our distribution and all that it needs with its extras, as pip would resolve them here."""
    found: set[str] = set()
    wanted = [("netvsc-operator", extra) for extra in ("", *EXTRAS)]
    while wanted:
        name, extra = wanted.pop()
        found.add(canonical(name))
        for text in importlib.metadata.requires(name) or ():
            needed = Requirement(text)
            inner = [(needed.name, "")] + [(needed.name, other) for other in needed.extras]
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                wanted += [pair for pair in inner if canonical(pair[0]) not in found or pair[1]]
    return found


def test_the_page_lists_exactly_the_distributions_of_the_lock_that_are_shipped() -> None:
    listed = {name for name, _ in _section("Python distributions")}
    pinned = set(
        re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )

    assert listed == _shipped()
    assert listed - {"netvsc-operator"} <= pinned


def test_each_distribution_has_the_licence_that_its_locked_version_states() -> None:
    for name, licence in _section("Python distributions"):
        metadata = importlib.metadata.distribution(name).metadata
        assert licence.strip("*") == python_licence(metadata), name


def test_each_source_package_whose_licence_was_looked_up_is_in_an_image() -> None:
    rows = _section("Debian packages") + _section("Linked into fdpipe")

    assert {source for _, source, _ in rows} == set(DEBIAN)


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT", False),
        ("LGPL-2.1-or-later", True),
        ("GPL-2.0-or-later OR Apache-2.0", False),
        ("MIT AND MPL-2.0", True),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", False),
        ("(GPL-2.0-only OR MPL-2.0) AND MIT", True),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", True),
        ("LicenseRef-public-domain", False),
    ],
)
def test_a_licence_that_asks_for_more_than_a_notice_is_told_from_one_that_leaves_a_choice(
    licence: str, *, expected: bool
) -> None:
    assert asks(licence) is expected


def test_a_licence_that_spdx_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="knows no licence My-Own-1"):
        asks("MIT AND My-Own-1.0")


def test_copyleft_is_the_only_choice_of_one_distribution_that_supply_chain_tells_of() -> None:
    left = [name for name, licence in _section("Python distributions") if "**" in licence]
    asked = (ROOT / "docs/supply-chain.md").read_text()

    assert left == ["certifi"]  # the official client's CA certificates, unchanged
    assert "| the CA certificates of certifi, and inside grpcio | MPL-2.0 | unchanged" in asked


def test_what_a_wheel_brings_inside_is_listed_with_the_wheel_and_marked() -> None:
    held = Part(name="roots", version="", licence="MPL-2.0")
    wheel = Part(name="one", version="1", licence="MIT", purl="pkg:pypi/one@1", holds=(held,))

    assert "| roots | one | **MPL-2.0** |\n" in page([wheel], [])
