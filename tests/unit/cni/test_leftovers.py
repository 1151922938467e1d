"""What a former run as `chained` left on a node, as an agent without CNI sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netvsc_deviceplugin.cni.chain.conflist import TYPE
from netvsc_deviceplugin.cni.chain.leftovers import exist


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    made = tmp_path / "net.d", tmp_path / "bin"
    for folder in made:
        folder.mkdir()
    return made


def test_our_entry_in_the_runtimes_list_is_a_leftover(folders: tuple[Path, Path]) -> None:
    conf, plugins = folders
    assert not exist(conf, plugins, state=conf)
    (conf / "10-net.conflist").write_text(json.dumps({"plugins": [{"type": TYPE}]}))
    assert exist(conf, plugins, state=conf)


def test_our_program_is_a_leftover(folders: tuple[Path, Path]) -> None:
    conf, plugins = folders
    (plugins / TYPE).touch()
    assert exist(conf, plugins, state=conf)


def test_folders_that_cannot_be_looked_into_hold_nothing_of_ours(
    folders: tuple[Path, Path],
) -> None:
    """An ordinary user's agent beside a root's /etc/cni: refused, as this name is."""
    unlookable = Path("/" + "x" * 300)
    with pytest.raises(OSError, match="File name too long"):
        unlookable.is_dir()
    assert not exist(unlookable, folders[1], state=folders[0])
    assert not exist(folders[0], unlookable, state=folders[0])
