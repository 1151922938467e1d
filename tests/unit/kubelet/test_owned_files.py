"""Files of ours in a folder that others read."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from netvsc_deviceplugin.kubelet.owned_files import OwnedFiles


def owned(folder: Path) -> OwnedFiles:
    return OwnedFiles(folder, prefix="ours-", suffix=".json")


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_a_folder_that_is_missing_is_made_once_there_is_something_to_put(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert owned(folder).sync({})
    assert not folder.exists()
    assert owned(folder).sync({"ours-1.json": b"1"})
    assert (folder / "ours-1.json").read_bytes() == b"1"


def test_what_is_wanted_no_more_goes_whoever_wrote_it(tmp_path: Path) -> None:
    (tmp_path / "ours-of-an-agent-that-died.json").touch()
    (tmp_path / ".ours-half.json.new").touch()
    kept = owned(tmp_path)
    kept.sync({"ours-1.json": b"1", "ours-2.json": b"2"})
    kept.sync({"ours-2.json": b"2"})
    assert names(tmp_path) == {"ours-2.json"}


def test_what_others_have_there_stays(tmp_path: Path) -> None:
    theirs = {"theirs-1.json", "ours-1.yaml", ".theirs.json.new"}
    for name in theirs:
        (tmp_path / name).touch()
    owned(tmp_path).sync({})
    assert names(tmp_path) == theirs


def test_a_file_that_says_the_right_thing_is_not_written_again(tmp_path: Path) -> None:
    kept = owned(tmp_path)
    kept.sync({"ours-1.json": b"1"})
    before = (tmp_path / "ours-1.json").stat().st_ino
    kept.sync({"ours-1.json": b"1"})
    assert (tmp_path / "ours-1.json").stat().st_ino == before
    kept.sync({"ours-1.json": b"2"})
    assert (tmp_path / "ours-1.json").stat().st_ino != before


def test_a_file_that_somebody_removed_or_changed_is_put_right(tmp_path: Path) -> None:
    kept, file = owned(tmp_path), tmp_path / "ours-1.json"
    for _ in range(2):
        kept.sync({file.name: b"1"})
        assert file.read_bytes() == b"1"
        file.write_bytes(b"x")
    file.unlink()
    kept.sync({file.name: b"1"})
    assert file.read_bytes() == b"1"


def test_a_folder_that_cannot_be_had_is_told_once_with_the_remedy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    kept = owned(in_the_way / "folder")
    with caplog.at_level(logging.WARNING):
        assert not kept.sync({"ours-1.json": b"1"})
        assert not kept.sync({"ours-1.json": b"1"})
        in_the_way.unlink()
        assert kept.sync({"ours-1.json": b"1"})
    (told,) = [record.getMessage() for record in caplog.records]
    assert str(in_the_way / "folder") in told
    assert "mount it, writable" in told
