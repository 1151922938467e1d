"""The runtime's list on disk: what somebody else writes meanwhile is never lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netvsc_deviceplugin.cni.chain import conflist_files

OLD, OURS, THEIRS = b'{"old": 1}', b'{"ours": 1}', b'{"theirs": 1}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "10-azure.conflist"
    made.write_bytes(OLD)
    return made


def test_what_another_plugin_writes_while_ours_goes_to_the_disk_stays(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(_descriptor: int) -> None:
        file.write_bytes(THEIRS)

    monkeypatch.setattr(os, "fsync", meanwhile)
    assert not conflist_files.replace(file, OURS, known=OLD)
    assert file.read_bytes() == THEIRS
    assert list(file.parent.iterdir()) == [file]


def test_between_the_last_look_and_the_rename_nothing_waits_for_the_disk(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    look, rename = Path.read_bytes, Path.replace
    monkeypatch.setattr(os, "fsync", lambda _: done.append("fsync"))
    monkeypatch.setattr(Path, "read_bytes", lambda path: done.append("look") or look(path))
    monkeypatch.setattr(Path, "replace", lambda path, to: done.append("rename") or rename(path, to))
    assert conflist_files.replace(file, OURS, known=OLD)
    assert done == ["fsync", "look", "rename"]
