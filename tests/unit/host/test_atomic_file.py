"""A file is replaced as a whole, or stays."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from netvsc.host import atomic_file


@pytest.mark.parametrize("durable", [True, False])
def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path, *, durable: bool) -> None:
    file = tmp_path / "state.json"
    for data in (b"old", b"new"):
        atomic_file.replace(file, data, durable=durable, mode=0o600)
        assert file.read_bytes() == data
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_raised_meanwhile_leaves_the_old_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_bytes(b"old")
    with suppress(ValueError), atomic_file.replacing(file, durable=True) as out:
        out.write(b"ne")
        int("not a number")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_only_what_is_durable_waits_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    atomic_file.replace(tmp_path / "a", b"", durable=False)
    assert synced == []
    atomic_file.replace(tmp_path / "a", b"", durable=True)
    assert len(synced) == 1
