"""Runs one target: every file of its corpus, then a counted number of seeded mutations of them.

A target is a function of bytes that returns; whatever it raises is a finding. Nothing here depends
on the time, so a seed and a count always mean the same inputs; the alarm is for hangs alone.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

CORPUS = Path(__file__).parent / "corpus"
HANG_S = 60
_MUTATIONS = 4  # of one input at most, stacked

Check = Callable[[bytes], None]
Mutate = Callable[[bytes, Random, Sequence[bytes]], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`mutate` knows the input's structure; `corpus` names the folder."""

    name: str
    check: Check
    mutate: Mutate
    corpus: str = ""

    @property
    def folder(self) -> Path:
        return CORPUS / (self.corpus or self.name)


class Finding(AssertionError):  # noqa: N818 (it says what happened)
    """An input that a target did not stand; `data` repeats it."""

    def __init__(self, target: str, data: bytes, error: BaseException) -> None:
        super().__init__(f"{target}: {type(error).__name__}: {error}\ninput: {data[:2000]!r}")
        self.data = data


class HangError(Exception):
    """One input took longer than any machine needs for it."""


def seeds(folder: Path) -> list[bytes]:
    """Return the corpus, in the order of its files' names."""
    return [file.read_bytes() for file in sorted(folder.iterdir())]


def mutated(target: Target, *, runs: int, seed: int) -> Iterator[bytes]:
    """Yield `runs` inputs that follow from the corpus and the seed alone."""
    random, corpus = Random(f"{target.name} {seed}"), seeds(target.folder)
    for _ in range(runs):
        data = random.choice(corpus)
        for _ in range(random.randint(1, _MUTATIONS)):
            data = target.mutate(data, random, corpus)
        yield data


def run(target: Target, *, runs: int, seed: int) -> int:
    """Replay and mutate; return how many inputs that were. Raises Finding."""
    count = 0
    with _alarmed():
        for inputs in (seeds(target.folder), mutated(target, runs=runs, seed=seed)):
            for data in inputs:
                one(target, data)
                count += 1
    return count


def one(target: Target, data: bytes) -> None:
    signal.alarm(HANG_S)
    try:
        target.check(data)
    except (Exception, HangError) as error:
        raise Finding(target.name, data, error) from error
    finally:
        signal.alarm(0)


@contextmanager
def _alarmed() -> Iterator[None]:
    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise HangError(f"no end within {HANG_S} s")

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
