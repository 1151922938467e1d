"""What a file of fdpipe may include: the layers of its folders, and how many units a folder has.

A unit is a pair x.c and x.h, or one of them alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from sim.sidecar.fdpipe import SOURCES

# From the top: each folder may include what stands below it, and no other folder of its own line.
LAYERS = (
    ("commands",),
    ("server",),
    ("sidecar", "client", "cni"),
    ("pipe", "net"),
    ("lib",),
)
FOLDERS = {name for layer in LAYERS for name in layer}
ALONE = "guard"  # a program of its own: it includes of lib what needs no C library, and no more
UNITS_MAX = 12
FILES = sorted(path for path in SOURCES.glob("*/*.[ch]") if path.parent.name != "build")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def includes(path: Path) -> list[str]:
    return INCLUDE.findall(path.read_text())


def below(folder: str) -> set[str]:
    if folder == ALONE:
        return {"lib"}
    level = next(i for i, layer in enumerate(LAYERS) if folder in layer)
    return {name for layer in LAYERS[level + 1 :] for name in layer}


def test_every_file_but_the_first_is_in_a_folder_that_has_a_layer() -> None:
    assert [path.name for path in SOURCES.glob("*.[ch]")] == ["main.c"]
    assert {path.parent.name for path in FILES} == FOLDERS | {ALONE}


@pytest.mark.parametrize("path", [SOURCES / "main.c", *FILES], ids=lambda path: path.name)
def test_an_include_names_a_file_by_its_path_from_the_top(path: Path) -> None:
    assert [name for name in includes(path) if not (SOURCES / name).is_file()] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_include_runs_back_up(path: Path) -> None:
    allowed = below(path.parent.name) | {path.parent.name}
    assert [name for name in includes(path) if name.split("/")[0] not in allowed] == []


def test_what_the_guard_takes_of_lib_takes_nothing_itself() -> None:
    guard = [path for path in FILES if path.parent.name == ALONE]
    taken = {name for path in guard for name in includes(path) if not name.startswith(ALONE)}
    assert [name for name in taken if "#include" in (SOURCES / name).read_text()] == []


def test_no_two_units_include_each_other_by_any_way() -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        unit = f"{path.parent.name}/{path.stem}"
        graph[unit] |= {name.removesuffix(".h") for name in includes(path)} - {unit}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names them


@pytest.mark.parametrize("folder", sorted(FOLDERS | {ALONE}))
def test_a_folder_has_at_most_twelve_units(folder: str) -> None:
    units = {path.stem for path in FILES if path.parent.name == folder}
    assert 0 < len(units) <= UNITS_MAX
