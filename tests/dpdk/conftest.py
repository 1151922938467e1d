"""The set-up runs once per session; what the tests measured is written for the table.

A module that says `LINES = lines.names()` is played on each line of DPDK, the others on the first.
What the project promises comes first: the survival suite (FIRST), then all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dpdk import lines, machine, verdicts
from dpdk.lines import Line
from dpdk.pod import Pod

HERE = Path(__file__).parent
FIRST = ("test_survival", "test_slow_start", "test_pairs", "test_exec_mode", "test_patch")


def _rank(item: pytest.Item) -> int:
    return FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    for item in ours:
        item.add_marker("dpdk")
    if len(ours) == len(items):
        items.sort(key=_rank)  # stable: the order within a module stays


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "line" in metafunc.fixturenames:
        chosen = getattr(metafunc.module, "LINES", ("22.11",))
        metafunc.parametrize("line", chosen, indirect=True)


@pytest.fixture(scope="session", autouse=True)
def prepared() -> Path:
    """The folder with the packages, plugins and roots."""
    return machine.cache()


@pytest.fixture
def line(request: pytest.FixtureRequest) -> Line:
    """Whose testpmd is run."""
    return lines.named(request.param)


@pytest.fixture
def pod(line: Line) -> Iterator[Pod]:
    """A pod with one pair, its VF still away."""
    with Pod(line=line) as one:
        yield one


@pytest.fixture(scope="session")
def table() -> Iterator[verdicts.Table]:
    """What survives what; on leaving, results.json in the cache folder is brought up to date."""
    one = verdicts.Table()
    yield one
    one.save(machine.cache() / "results.json")
