"""What an agent writes, a controller reads: the same, whatever else stands there."""

import pytest

from netvsc.encoding.serialize import camel, from_plain, to_plain
from netvsc.errors import ConfigError
from netvsc.model.pair import Path, VfSeen
from netvsc.model.status import (
    AgentStatus,
    AllocationStatus,
    Announcement,
    AnnounceState,
    Foreign,
    ForeignState,
    NodeSpec,
    NodeStatus,
    PairStatus,
    Summary,
    VfStatus,
)

FULL = NodeStatus(
    agent=AgentStatus(version="1.2.3", started="2026-01-02T03:04:05.000000Z"),
    summary=Summary(pairs=1, free=0, on_vf=1, revoked24h=2),
    pairs=(
        PairStatus(
            id="00-0d-3a-c0-00-11",
            netvsc="eth1",
            pool="pair",
            resource="netvsc.io/pair",
            path=Path.VF,
            vf_seen=VfSeen.PRESENT,
            numa_node=0,
            vf=VfStatus(pci="9b33:00:02.0", interface="eth2", verbs=("uverbs0",)),
            allocation=AllocationStatus(
                namespace="nf", pod="fwd-0", container="fwd", resource="netvsc.io/pair"
            ),
            announcement=Announcement(state=AnnounceState.TAKEN, generation=3, taken_generation=3),
            last_outage_seconds=63.5,
        ),
    ),
)


def test_a_status_that_was_written_is_read_back_the_same() -> None:
    assert from_plain(NodeStatus, to_plain(FULL)) == FULL


def test_keys_are_written_as_kubernetes_does_and_what_is_absent_is_left_out() -> None:
    written = to_plain(FULL.pairs[0])
    assert written["numaNode"] == 0
    assert written["lastOutageSeconds"] == 63.5
    assert written["path"] == "VF"
    assert "lastVf" not in written
    assert "addresses" not in written
    assert camel("taken_generation") == "takenGeneration"


def test_a_key_of_a_later_version_is_ignored() -> None:
    assert from_plain(NodeStatus, {**to_plain(FULL), "fromTheFuture": {"a": 1}}) == FULL


def test_a_spec_of_orders_and_foreign_owners_is_read() -> None:
    read = from_plain(
        NodeSpec,
        {
            "pools": [{"name": "pair"}],
            "announce": {"00-0d-3a-c0-00-11": 3},
            "foreign": [{"interface": "eth2", "owner": "dra.net", "state": "listed"}],
        },
    )
    assert read == NodeSpec(
        pools=({"name": "pair"},),
        announce={"00-0d-3a-c0-00-11": 3},
        foreign=(Foreign(interface="eth2", owner="dra.net", state=ForeignState.LISTED),),
    )


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"agent": {"version": "1", "started": "x"}}, "has no summary"),
        ({**to_plain(FULL), "agent": {"version": "1"}}, "agent: has no started"),
        ({**to_plain(FULL), "agent": {"version": 1, "started": ""}}, "agent.version: is 1"),
        ({**to_plain(FULL), "pairs": {}}, "pairs: is {}"),
        ({**to_plain(FULL), "pairs": [{"id": 3}]}, "pairs[0]"),
        ([], "is an empty list"),
    ],
)
def test_what_has_another_type_is_named(wrong: object, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_plain(NodeStatus, wrong)
    assert named in str(caught.value)
