"""The sidecar's and the shim's own C, under both sanitizers: corpus and a short, seeded run."""

from __future__ import annotations

import os

import pytest

from fuzz import program

RUNS = 20 * int(os.environ.get("NETVSC_FUZZ_RUNS", "1000"))
SEED = int(os.environ.get("NETVSC_SEED", "1"))


@pytest.mark.parametrize("name", program.TARGETS)
def test_whatever_comes_to_c_stays_within_its_bounds(name: str) -> None:
    result = program.replay(name, runs=RUNS, seed=SEED)
    assert result.returncode == 0, result.stderr[-4000:]
    assert f"{RUNS} mutations" in result.stderr


def test_a_read_one_byte_too_far_would_be_found_and_its_input_shown() -> None:
    """The same source of chance, corpus and sanitizers, over a fault planted on purpose."""
    result = program.replay("planted", runs=RUNS, seed=SEED)
    assert result.returncode != 0
    assert "heap-buffer-overflow" in result.stderr
    assert "input (" in result.stderr
