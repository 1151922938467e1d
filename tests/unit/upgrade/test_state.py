"""What the version before left on a node and in the cluster is read here, whole.

tests/upgrade/state was written by that version, which also said what it reads in it (read.json).
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netvsc_deviceplugin.cni.attach.checkpoint import CheckpointStore
from netvsc_deviceplugin.cni.deferred_calls import DeferredCalls
from netvsc_deviceplugin.kubelet import device_info
from netvsc_deviceplugin.kubelet.verbs_checkpoint import VerbsCheckpoint
from netvsc_deviceplugin.netvscnode import cache
from netvsc_operator.admission import Result
from sim.cluster.reviews import ask
from upgrade import exchange

FOLDER = Path(__file__).parents[2] / "upgrade"
OLDER = json.loads((FOLDER / "read.json").read_text())
# Keys of what is a record and no table: a later version may add to those.
_TABLES = {"announce", "recent", "given"}
_AN_ID = re.compile(r"([0-9a-f]{2}-){5}[0-9a-f]{2}|[^/]+/[^/]+")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    copied = tmp_path / "state"
    shutil.copytree(FOLDER / "state", copied)
    return copied


@pytest.mark.parametrize("part", sorted(OLDER))
def test_it_is_read_as_the_version_before_reads_it(state: Path, part: str) -> None:
    assert OLDER[part], "nothing was recorded"
    assert exchange.lacks(exchange.read(state)[part], OLDER[part]) == []


def test_what_is_written_again_is_read_again(state: Path, tmp_path: Path) -> None:
    exchange.rewrite(state, tmp_path / "out")
    assert exchange.read(tmp_path / "out") == exchange.read(state)


def test_its_pod_is_left_alone_when_it_is_admitted_again(state: Path) -> None:
    pod = json.loads((state / "pod.json").read_text())
    assert ask(pod).result is Result.UNCHANGED


def test_its_files_for_others_are_taken_for_ours_and_go_when_they_are_not_wanted(
    state: Path,
) -> None:
    there = list((state / "devinfo").iterdir())
    assert there
    device_info.owned_info(state / "devinfo").sync({})
    assert list((state / "devinfo").iterdir()) == []

    folder = state / "cdi"
    folder.mkdir()
    (folder / "netvsc.io-pair.json").write_text("{}")
    device_info.owned_cdi(folder).sync({})
    assert list(folder.iterdir()) == []


def planted(data: Any, *, table: bool = False) -> Any:
    """The same with something in every record that no version knows yet."""
    if isinstance(data, list):
        return [planted(one) for one in data]
    if not isinstance(data, dict):
        return data
    table = table or any(_AN_ID.fullmatch(key) for key in data)
    found = {key: planted(one, table=key in _TABLES) for key, one in data.items()}
    if "pools" in data and "observedGeneration" not in data:
        found["pools"] = data["pools"]  # of a spec: a key that is not known is refused there
    return found if table else found | {"novelty": {"depth": [1]}}


def plant(file: Path) -> None:
    file.write_text(json.dumps(planted(json.loads(file.read_text()))))


def test_what_a_later_version_would_add_is_ignored_wherever_it_stands(state: Path) -> None:
    before = exchange.read(state)
    for file in ((state / "run/containers").iterdir(), [state / "run/netvscnode.json"]):
        for one in file:
            plant(one)
    _plant_node(state / "netvscnode.json")
    lines = (state / "sidecar/status").read_text().splitlines()
    said = "\n".join(json.dumps(planted(json.loads(line))) for line in lines)
    (state / "sidecar/status").write_text(said)

    assert list(exchange.covers(exchange.read(state), before)) == []


def _plant_node(file: Path) -> None:
    node = json.loads(file.read_text())
    notes = node["metadata"]["annotations"]
    notes["netvsc.io/told"] = json.dumps(planted(json.loads(notes["netvsc.io/told"])))
    for half in ("spec", "status"):
        node[half] = planted(node[half])
    file.write_text(json.dumps(node))


def test_the_planting_reaches_every_record(state: Path) -> None:
    [checkpoint] = (state / "run/containers").iterdir()
    plant(checkpoint)
    data = json.loads(checkpoint.read_text())
    assert "novelty" in data
    assert "novelty" in data["pairs"][0]
    copy = planted(json.loads((state / "run/netvscnode.json").read_text()))
    assert "novelty" in copy["status"]["pairs"][0]["announcement"]
    assert "novelty" not in copy["recent"]


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def _of_marker(run: Path) -> None:
    [checkpoint] = CheckpointStore(run).all()
    assert checkpoint.pairs == ()  # and a DEL without the agent fails, as its file is there


def _of_note(run: Path) -> None:
    assert DeferredCalls(run).all() == []


def _of_given(run: Path) -> None:
    assert VerbsCheckpoint(run).verbs() == {}


def _of_copy(run: Path) -> None:
    assert cache.load(run) == cache.Copy()


@pytest.mark.parametrize(
    ("file", "read", "left"),
    [
        ("containers/*", _of_marker, "itself"),
        ("passed/*", _of_note, ""),
        ("given.json", _of_given, "given.corrupt"),
        ("netvscnode.json", _of_copy, "netvscnode.corrupt"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_file_is_named_and_out_of_the_way(
    state: Path,
    file: str,
    read: Callable[[Path], None],
    left: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    [broken] = (state / "run").glob(file)
    _cut(broken)
    with caplog.at_level(logging.WARNING):
        read(state / "run")
    assert broken.name in caplog.text
    assert broken.exists() == (left == "itself")
    if left.endswith("corrupt"):
        assert broken.with_name(left).exists()
    read(state / "run")  # and once more, as after the next start
