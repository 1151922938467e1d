"""What a NetvscNode asks for, accepted or refused, and kept on disk."""

import json
from pathlib import Path

import pytest

from netvsc.errors import NodeError
from netvsc.model.pool import Pool
from netvsc.model.status import AgentStatus, Foreign, ForeignState, NodeStatus, Summary
from netvsc_deviceplugin.netvscnode import cache
from netvsc_deviceplugin.netvscnode.cache import Copy
from netvsc_deviceplugin.netvscnode.spec import AcceptedSpec, accept

PAIR = {"name": "pair"}
STATUS = NodeStatus(
    agent=AgentStatus(version="1", started="2026-01-02T03:04:05.000000Z"),
    summary=Summary(pairs=0, free=0, on_vf=0, revoked24h=0),
)


def test_a_good_spec_is_taken_as_a_whole() -> None:
    spec = {
        "pools": [PAIR],
        "announce": {"a": 3},
        "foreign": [{"interface": "eth2", "owner": "dra.net", "state": "listed"}],
        "uninstall": True,
        "ofALaterVersion": 1,
    }
    assert accept(7, spec, AcceptedSpec()) == AcceptedSpec(
        generation=7,
        spec=spec,
        pools=(Pool(name="pair", resource="netvsc.io/pair"),),
        announce={"a": 3},
        foreign=(Foreign(interface="eth2", owner="dra.net", state=ForeignState.LISTED),),
        uninstall=True,
    )


def test_a_spec_without_pools_is_a_good_one() -> None:
    assert accept(1, {}, AcceptedSpec()).refusal is None


def test_wrong_pools_leave_those_of_before_and_the_rest_holds() -> None:
    before = accept(1, {"pools": [PAIR]}, AcceptedSpec())
    wrong = {"pools": [{"name": "pair", "priority": "high"}], "announce": {"a": 1}}
    now = accept(2, wrong, before)
    assert now.refusal
    assert now.refusal.startswith("spec.pools[0].priority: is 'high': write a whole number")
    assert (now.generation, now.pools, now.announce) == (2, before.pools, {"a": 1})
    assert now.spec == {"pools": [PAIR], "announce": {"a": 1}}
    assert accept(3, {"pools": [PAIR]}, now).refusal is None


@pytest.mark.parametrize(
    ("spec", "where"),
    [("pools", "spec: "), ({"announce": {"a": "b"}}, "spec.announce.a: "), ([], "spec: ")],
)
def test_a_spec_that_makes_no_sense_changes_nothing(spec: object, where: str) -> None:
    before = accept(1, {"pools": [PAIR]}, AcceptedSpec())
    now = accept(2, spec, before)
    assert (now.pools, now.spec) == (before.pools, before.spec)
    assert now.refusal
    assert now.refusal.startswith(where)


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    copy = Copy(generation=3, spec={"pools": [PAIR]}, status=STATUS, recent={"29": 2})
    cache.save(tmp_path / "state", copy)
    assert cache.load(tmp_path / "state") == copy


def test_without_a_file_nothing_is_known(tmp_path: Path) -> None:
    assert cache.load(tmp_path) == Copy()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"generation": "x"}', '{"status": {"agent": 1}}'])
def test_a_file_that_makes_no_sense_is_set_aside_and_said(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "netvscnode.json").write_text(text)
    assert cache.load(tmp_path) == Copy()
    assert (tmp_path / "netvscnode.corrupt").read_text() == text
    assert "moved to netvscnode.corrupt" in caplog.text


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NodeError, match="the agent's state folder must be writable"):
        cache.save(tmp_path / "file", Copy())


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    cache.save(tmp_path, Copy(generation=1, spec={}))
    (tmp_path / ".netvscnode.json.new").write_text('{"generation": 2, "sp')
    assert cache.load(tmp_path).generation == 1
    assert json.loads((tmp_path / "netvscnode.json").read_text()) == {"generation": 1}
