"""What this version writes is read by the version before, whose own code does the reading.

The other way round needs nothing of it: tests/unit/upgrade/test_state.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cluster.deployments import previous_version
from cluster.harness import ClusterError
from upgrade import exchange

pytestmark = pytest.mark.cluster

FOLDER = Path(exchange.__file__).parent
STATE = FOLDER / "state"


def test_the_recorded_files_are_read_by_that_version_as_it_is_written_down() -> None:
    recorded = json.loads((FOLDER / "read.json").read_text())
    assert json.loads(exchange.by(previous_version.python(), "read", STATE)) == recorded


@pytest.mark.parametrize("name", ["netvscnodes.yaml", "netvscpools.yaml"])
def test_the_kept_crds_are_that_versions(name: str) -> None:
    theirs = previous_version.source() / "charts/netvsc-operator/crds" / name
    assert (FOLDER / "crds" / name).read_text() == theirs.read_text(), "python -m upgrade.record"


def test_what_this_version_writes_of_it_the_version_before_reads_whole(tmp_path: Path) -> None:
    """After a downgrade: nothing that it knew is lost."""
    exchange.rewrite(STATE, tmp_path / "out")
    read = json.loads(exchange.by(previous_version.python(), "read", tmp_path / "out"))
    assert exchange.lacks(read, json.loads((FOLDER / "read.json").read_text())) == []


def test_and_so_does_this_version_what_that_one_writes(tmp_path: Path) -> None:
    exchange.by(previous_version.python(), "rewrite", STATE, tmp_path / "out")
    assert exchange.lacks(exchange.read(tmp_path / "out"), exchange.read(STATE)) == []


def test_a_clone_without_that_version_is_told_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previous_version, "commit", lambda: "0" * 40)
    with pytest.raises(ClusterError, match="run git fetch --unshallow"):
        previous_version._archive()
