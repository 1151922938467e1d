"""The verbs devices given at Allocate are remembered for as long as their holder lives."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from netvsc.errors import NodeError
from netvsc_deviceplugin.kubelet.verbs_checkpoint import NEVER_CAME_S, VerbsCheckpoint


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


def test_what_was_given_survives_a_restart(tmp_path: Path) -> None:
    VerbsCheckpoint(tmp_path).give({"a": ("uverbs0",), "b": ()})
    assert VerbsCheckpoint(tmp_path).verbs() == {"a": ("uverbs0",), "b": ()}


def test_it_is_kept_while_the_pod_is_shown_and_forgotten_when_it_is_not(tmp_path: Path) -> None:
    given = VerbsCheckpoint(tmp_path)
    given.give({"a": ("uverbs0",), "b": ("uverbs1",)})
    given.prune({"a", "b"})
    given.prune({"b"})
    assert given.verbs() == {"b": ("uverbs1",)}
    assert VerbsCheckpoint(tmp_path).verbs() == {"b": ("uverbs1",)}


def test_a_pod_that_is_not_shown_yet_is_not_gone(tmp_path: Path) -> None:
    clock = Clock()
    given = VerbsCheckpoint(tmp_path, clock=clock)
    given.give({"a": ("uverbs0",)})
    clock.now += NEVER_CAME_S - 1
    given.prune(())
    assert given.verbs() == {"a": ("uverbs0",)}


def test_a_pod_that_never_came_is_forgotten_after_a_while(tmp_path: Path) -> None:
    clock = Clock()
    given = VerbsCheckpoint(tmp_path, clock=clock)
    given.give({"a": ("uverbs0",)})
    clock.now += NEVER_CAME_S
    given.prune(())
    assert given.verbs() == {}


def test_a_pod_that_ended_while_the_agent_was_away_is_forgotten_after_a_while(
    tmp_path: Path,
) -> None:
    VerbsCheckpoint(tmp_path).give({"a": ("uverbs0",)})
    clock = Clock()
    given = VerbsCheckpoint(tmp_path, clock=clock)
    given.prune(())
    assert given.verbs() == {"a": ("uverbs0",)}
    clock.now += NEVER_CAME_S
    given.prune(())
    assert given.verbs() == {}


def test_a_pair_given_anew_is_not_mistaken_for_its_last_holders(tmp_path: Path) -> None:
    given = VerbsCheckpoint(tmp_path)
    given.give({"a": ("uverbs0",)})
    given.prune({"a"})
    given.give({"a": ("uverbs7",)})
    given.prune(())
    assert given.verbs() == {"a": ("uverbs7",)}


def test_what_the_next_holder_was_given_outlives_that_the_last_is_believed_for_a_while(
    tmp_path: Path,
) -> None:
    """A StatefulSet's pod is made anew, with the same pair, while podresources is smoothed."""
    given = VerbsCheckpoint(tmp_path)
    given.give({"a": ("uverbs0",)})
    given.prune({"a"}, shown={"a"})
    given.give({"a": ("uverbs7",)})
    given.prune({"a"}, shown=())  # the last holder, who may only be missing from one answer
    given.prune((), shown=())  # by now it is surely gone, and the next one not there yet
    assert given.verbs() == {"a": ("uverbs7",)}
    given.prune({"a"}, shown={"a"})
    given.prune({"a"}, shown=())
    given.prune((), shown=())
    assert given.verbs() == {}


@pytest.mark.parametrize(
    "nonsense", [b"", b"{", b"[]", b'{"a": "uverbs0"}', b'{"a": [1]}', b"\xff\xfe"]
)
def test_a_file_that_makes_no_sense_is_set_aside_and_reported(
    nonsense: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "given.json").write_bytes(nonsense)
    given = VerbsCheckpoint(tmp_path)
    assert given.verbs() == {}
    assert (tmp_path / "given.corrupt").read_bytes() == nonsense
    assert "given.corrupt" in caplog.text
    given.give({"a": ()})
    assert VerbsCheckpoint(tmp_path).verbs() == {"a": ()}


def test_half_a_write_leaves_the_old_file(tmp_path: Path) -> None:
    VerbsCheckpoint(tmp_path).give({"a": ("uverbs0",)})
    (tmp_path / ".given.json.new").write_text('{"a": ["uver')
    assert VerbsCheckpoint(tmp_path).verbs() == {"a": ("uverbs0",)}


def test_a_folder_that_cannot_be_written_refuses_and_changes_nothing(tmp_path: Path) -> None:
    given = VerbsCheckpoint(tmp_path / "state")
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(NodeError, match="state folder must be writable"):
        given.give({"a": ()})
    assert given.verbs() == {}


def test_a_failure_to_forget_is_logged_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    given = VerbsCheckpoint(folder)
    given.give({"a": ("uverbs0",)})
    given.prune({"a"})
    aside = folder.rename(tmp_path / "aside")
    folder.write_text("in the way")
    with caplog.at_level(logging.WARNING):
        given.prune(())
    assert "cannot write" in caplog.text
    folder.unlink()
    aside.rename(folder)
    given.prune(())
    assert json.loads((folder / "given.json").read_text()) == {}


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    given = VerbsCheckpoint(tmp_path)
    given.give({"a": ("uverbs0",)})
    before = (tmp_path / "given.json").stat().st_ino
    given.give({"a": ("uverbs0",)})
    assert (tmp_path / "given.json").stat().st_ino == before
