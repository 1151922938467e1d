"""The set-up runs once per session; what the tests measured is written for the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dpdk import machine, verdicts
from dpdk.pod import Pod

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("dpdk")


@pytest.fixture(scope="session", autouse=True)
def prepared() -> Path:
    """The folder with the packages, plugins and roots."""
    return machine.cache()


@pytest.fixture
def pod() -> Iterator[Pod]:
    """A pod with one pair, its VF still away."""
    with Pod() as one:
        yield one


@pytest.fixture(scope="session")
def table() -> Iterator[verdicts.Table]:
    """What survives what; on leaving, results.json in the cache folder is brought up to date."""
    one = verdicts.Table()
    yield one
    one.save(machine.cache() / "results.json")
