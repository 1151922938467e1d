"""One area: collects its tests once, then runs, for each mutant, those that reach its function."""

from __future__ import annotations

import gc
import importlib
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType

import pytest
from hypothesis import HealthCheck, Phase, settings

from mutants.areas import Area
from mutants.children import CRASHED, Pool, answer_of
from mutants.operators import Mutant, mutants

Key = tuple[str, str]  # a file, and a function in it by its qualified name
PATIENCE = 10.0  # seconds beside five times what the tests took without a mutant
SEED = 17  # of the order in which mutants are run: a run that is cut short has seen some of each


class Fate(StrEnum):
    """What became of a mutant. UNREACHED: no test runs its function; LEFT: time was up."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    UNREACHED = "unreached"
    LEFT = "left"


_BY_CODE = {0: Fate.SURVIVED, 1: Fate.KILLED, CRASHED: Fate.KILLED, None: Fate.TIMEOUT}


@dataclass(frozen=True, slots=True)
class Result:
    module: str
    function: str
    line: int
    what: str
    fate: Fate


@dataclass(slots=True)
class Baseline:
    """The tests without a mutant: how long each takes, whether it passes, what it runs."""

    seconds: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    reaches: dict[str, set[Key]] = field(default_factory=dict)


class Runner:
    """A pytest plugin that runs mutants in place of the tests. `seconds`: for the whole area."""

    def __init__(self, area: Area, *, jobs: int, seconds: float, patience: float) -> None:
        self._area, self._jobs, self._patience = area, jobs, patience
        self._end = time.monotonic() + seconds
        self._failed = False
        self.results: list[Result] = []
        self.baseline = Baseline()

    def pytest_configure(self) -> None:
        settings.register_profile(
            "mutants",
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        modules = {name: _file(name.partition(":")[0]) for name in self._area.modules()}
        functions = _functions(set(modules.values()))
        self.baseline = answer_of(partial(self._measured, session.items, set(modules.values())))
        items = [one for one in session.items if one.nodeid not in self.baseline.failed]
        found = [
            (name, file, mutant)
            for name, file in modules.items()
            for mutant in mutants(Path(file).read_text(), file)
            if mutant.function.startswith(name.partition(":")[2])
        ]
        random.Random(SEED).shuffle(found)
        Pool(self._jobs).run(self._tasks(found, functions, items))
        return True

    def _tasks(
        self,
        found: list[tuple[str, str, Mutant]],
        functions: dict[Key, list[FunctionType]],
        items: list[pytest.Item],
    ) -> Iterator[tuple[Callable[[], int], float, Callable[[int | None], None]]]:
        cost = self.baseline.seconds
        for module, file, mutant in found:
            key = (file, mutant.function)
            chosen = [one for one in items if key in self.baseline.reaches[one.nodeid]]
            chosen.sort(key=lambda one: cost[one.nodeid])
            if not chosen:
                self._ended(module, mutant, Fate.UNREACHED)
            elif time.monotonic() > self._end:
                self._ended(module, mutant, Fate.LEFT)
            else:
                work = partial(self._mutated, mutant, functions[key], chosen)
                limit = self._patience + 5 * sum(cost[one.nodeid] for one in chosen)
                yield work, limit, partial(self._judged, module, mutant)

    def _judged(self, module: str, mutant: Mutant, code: int | None) -> None:
        self._ended(module, mutant, _BY_CODE[code])

    def _ended(self, module: str, mutant: Mutant, fate: Fate) -> None:
        one = Result(module, mutant.function, mutant.line, mutant.what, fate)
        self.results.append(one)

    def _mutated(
        self, mutant: Mutant, functions: list[FunctionType], items: list[pytest.Item]
    ) -> int:
        """Run tests, in a child, until one fails."""
        code = mutant.code()
        for function in functions:
            function.__code__ = code
        for item, after in _pairs(items):
            self._run(item, after)
            if self._failed:
                return 1
        return 0

    def _measured(self, items: list[pytest.Item], files: set[str]) -> Baseline:
        """Run every test once, in a child, and note what it runs of the modules."""
        found = Baseline()
        for item, after in _pairs(items):
            reached: set[Key] = set()
            self._failed = False
            began = time.monotonic()
            with _Profile(files, reached):
                self._run(item, after)
            found.seconds[item.nodeid] = time.monotonic() - began
            found.reaches[item.nodeid] = reached
            if self._failed:
                found.failed.append(item.nodeid)
        return found

    def _run(self, item: pytest.Item, after: pytest.Item | None) -> None:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)


class _Profile:
    """Notes the functions that are called, in every thread; a context manager."""

    def __init__(self, files: set[str], reached: set[Key]) -> None:
        self._files, self._reached = files, reached

    def __enter__(self) -> None:
        threading.setprofile(self._called)
        sys.setprofile(self._called)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def _called(self, frame: FrameType, _event: str, _argument: object) -> None:
        code = frame.f_code
        if code.co_filename in self._files:
            file, name = _key(code)
            self._reached.add((file, name.partition(".<locals>")[0]))


def run(
    area: Area, *, jobs: int, seconds: float, patience: float = PATIENCE
) -> tuple[list[Result], Baseline]:
    """Run an area's mutants, in this process and its children."""
    runner = Runner(area, jobs=jobs, seconds=seconds, patience=patience)
    known = "ignore::pytest.PytestAssertRewriteWarning"  # hypothesis is imported already
    options = ["-q", "-s", "-p", "no:cacheprovider", "-W", known]
    pytest.main([*options, *area.paths], plugins=[runner])
    return runner.results, runner.baseline


def _pairs(items: list[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    return zip(items, [*items[1:], None], strict=True)


def _file(module: str) -> str:
    file = importlib.import_module(module).__file__
    assert file
    return file


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_qualname


def _functions(files: set[str]) -> dict[Key, list[FunctionType]]:
    """Return the functions that live, by their code: whoever imported one by name has the same."""
    found: dict[Key, list[FunctionType]] = {}
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename in files:
            found.setdefault(_key(one.__code__), []).append(one)
    return found
