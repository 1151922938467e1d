"""The mutation run (`make mutants`) plants what it says, and finds out what tests see of it."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from mutants.areas import AREAS, Area
from mutants.children import answer_of
from mutants.operators import mutants
from mutants.run import Fate, run

MODULES = [module for area in AREAS for module in area.modules()]


@pytest.mark.parametrize("module", MODULES)
def test_every_module_of_the_run_is_there_and_can_be_changed(module: str) -> None:
    name, _, function = module.partition(":")
    spec = importlib.util.find_spec(name)
    assert spec
    assert spec.origin
    found = list(mutants(Path(spec.origin).read_text(), spec.origin))
    assert not function or any(mutant.function == function for mutant in found)


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_so_are_the_tests_that_are_asked(area: Area) -> None:
    assert [path for path in area.paths if not Path(path).exists()] == []


def test_no_module_is_in_two_areas() -> None:
    assert [name for name, count in Counter(MODULES).items() if count > 1] == []


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ("return a < b", ["return a < b → return None", "a < b → a <= b"]),
        ("return a and not b", ["a and (not b) → a or not b", "not b → b"]),
        ("if a: raise ValueError(a)", ["a → not a", "raise ValueError(a) → pass"]),
        ("a.x = 3", ["a.x = 3 → pass", "3 → 4", "3 → 2"]),
        ("return [c for c in a if c]", ["c → not c"]),
        ("a.close()", ["a.close() → pass"]),
        ("return None", []),
        ("return a[0]", ["0 → 1"]),
        ("return False", ["False → True"]),
        ('"""Only words."""', []),
        ("x: int = a", []),
    ],
)
def test_a_fault_is_a_small_change(body: str, changes: list[str]) -> None:
    source = f"def f(a: int = 1, b=2 < 3):\n    {body}\n"
    found = [mutant.what for mutant in mutants(source, "f.py")]
    assert set(changes) <= set(found)
    assert bool(found) == bool(changes)


def test_methods_are_changed_and_what_runs_at_import_is_not() -> None:
    source = "LIMIT = 3\nclass C:\n    size = 4\n    def f(self):\n        return self.size + 1\n"
    found = list(mutants(source, "c.py"))
    assert {(mutant.function, mutant.line) for mutant in found} == {("C.f", 5)}


def test_what_a_test_sees_is_killed_and_what_none_sees_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "counted.py").write_text(
        textwrap.dedent(
            """
            def biggest(numbers):
                best = 0
                for number in numbers:
                    if number > best:
                        best = number
                return best

            def until(limit):
                count = 0
                while count < limit:
                    count += 1
                return count

            def alone():
                return 1
            """
        )
    )
    test = tmp_path / "test_counted.py"
    test.write_text(
        textwrap.dedent(
            """
            from counted import biggest, until

            def test_biggest():
                assert biggest([1, 3, 2]) == 3

            def test_until():
                assert until(3) == 3

            def test_that_fails_anyway():
                assert until(3) == 4
            """
        )
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "counted", None)
    del sys.modules["counted"]
    area = Area(name="counted", pure=("counted",), tests=(str(test),))
    results, baseline = answer_of(partial(run, area, jobs=2, seconds=60, patience=0.5))
    fates = {f"{one.function}: {one.what}": one.fate for one in results}
    assert fates["biggest: number > best → number >= best"] is Fate.SURVIVED
    assert fates["biggest: return best → return None"] is Fate.KILLED
    assert fates["until: count += 1 → pass"] is Fate.TIMEOUT
    assert fates["alone: return 1 → return None"] is Fate.UNREACHED
    assert [name.rpartition("::")[2] for name in baseline.failed] == ["test_that_fails_anyway"]
