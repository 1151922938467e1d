"""Every Python target stands its corpus and a short, seeded run; `make fuzz` runs them longer."""

from __future__ import annotations

import os

import pytest

from fuzz import program
from fuzz.engine import CORPUS, run, seeds
from fuzz.targets import TARGETS

RUNS = int(os.environ.get("NETVSC_FUZZ_RUNS", "1000"))
SEED = int(os.environ.get("NETVSC_SEED", "1"))
SLOW = {"pools": 10, "statefile": 4}  # YAML is read by Python, and a state file is on disk


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    runs = RUNS // SLOW.get(name, 1)
    assert run(target, runs=runs, seed=SEED) == len(seeds(target.folder)) + runs


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    wanted = {target.folder.name for target in TARGETS.values()} | {*program.TARGETS.values()}
    assert {folder.name for folder in CORPUS.iterdir()} == wanted
    assert min(len(seeds(CORPUS / name)) for name in wanted) >= 4


def test_the_corpus_stays_small_enough_for_a_repository() -> None:
    sizes = [file.stat().st_size for file in CORPUS.rglob("*") if file.is_file()]
    assert len(sizes) < 300
    assert sum(sizes) < 500_000
