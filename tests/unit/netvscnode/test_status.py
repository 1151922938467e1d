"""NetvscNode.status: what the agent sees, in the words that others read."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netvsc.encoding.serialize import from_plain, to_plain
from netvsc.encoding.timestamps import to_text
from netvsc.model.pair import Clash, Conflict, Exclusion, Inventory, Reason
from netvsc.model.pool import Pool, Selector
from netvsc.model.status import (
    AgentStatus,
    Announcement,
    AnnounceState,
    Condition,
    NodeStatus,
    PoolStatus,
    Truth,
    VfStatus,
)
from netvsc_deviceplugin.cni.attach.checkpoint import Checkpoint, ContainerPhase, PairRecord
from netvsc_deviceplugin.cni.chain.status import UNKNOWN, ChainReason, ChainStatus
from netvsc_deviceplugin.kubelet.podresources import Allocation
from netvsc_deviceplugin.netvscnode import conditions
from netvsc_deviceplugin.netvscnode.conditions import ConditionState
from netvsc_deviceplugin.netvscnode.counts import Count
from netvsc_deviceplugin.netvscnode.status import PodAttachment, Snapshot, attachments_of, status_of
from sim.kubelet.inventories import inventory, pair, revoked

NOON = 1_767_355_200.0
AGENT = AgentStatus(version="1", started=to_text(NOON))
POOL = Pool(name="pair", resource="netvsc.io/pair")
ONE = pair(1)
FWD = Allocation(namespace="nf", pod="fwd-0", container="fwd", resource="netvsc.io/pair")
SIGHT = Snapshot(agent=AGENT, pools=(POOL,), inventory=inventory(ONE, pair(2)))


def look(sight: Snapshot = SIGHT, before: NodeStatus | None = None, **more: Any) -> NodeStatus:
    return status_of(replace(sight, **more), before, NOON)


def test_a_quiet_node_is_told_with_sums_and_each_pair() -> None:
    status = look(generation=4, recent=7, allocations={ONE.id: FWD})
    assert to_plain(status.summary) == {"pairs": 2, "free": 1, "onVf": 2, "revoked24h": 7}
    assert status.observed_generation == 4
    assert [one.netvsc for one in status.pairs] == ["eth1", "eth2"]
    assert status.pools == (PoolStatus(name="pair", resource="netvsc.io/pair", pairs=2, free=1),)
    assert status.pairs[0].vf == VfStatus(
        pci="0001:00:02.0", interface="enP1s2", driver="mlx5_core", verbs=("uverbs1",)
    )


def test_equal_sights_make_equal_statuses_whatever_the_time() -> None:
    first = look(states=(ConditionState("Ready", Truth.TRUE, "Registered"),))
    later = status_of(
        replace(SIGHT, states=(ConditionState("Ready", Truth.TRUE, "Registered"),)), first, 9.0
    )
    assert later == first


def test_a_vf_that_left_is_told_as_it_was_until_another_comes() -> None:
    present = look()
    away = look(before=present, inventory=inventory(revoked(ONE)))
    still = look(before=away, inventory=inventory(revoked(ONE)))
    assert away.pairs[0].vf is None
    assert away.pairs[0].last_vf == still.pairs[0].last_vf == present.pairs[0].vf
    back = look(before=still, inventory=inventory(ONE))
    assert (back.pairs[0].vf, back.pairs[0].last_vf) == (present.pairs[0].vf, None)


def test_a_pair_in_a_pod_is_told_by_its_name_at_home_and_its_name_there() -> None:
    inside = replace(ONE, netns="pod", netvsc="netvsc0")
    status = look(
        inventory=inventory(inside),
        allocations={ONE.id: FWD},
        attachments={ONE.id: PodAttachment("eth1", "netvsc0", "uid-1")},
        allocated_verbs={ONE.id: ("uverbs1",)},
    )
    told = status.pairs[0]
    assert told.netvsc == "eth1"
    assert told.allocation
    assert to_plain(told.allocation) == {
        "namespace": "nf",
        "pod": "fwd-0",
        "container": "fwd",
        "resource": "netvsc.io/pair",
        "uid": "uid-1",
        "interface": "netvsc0",
        "verbs": ["uverbs1"],
    }


def test_markers_tell_names_at_home_and_the_pods_uid() -> None:
    held = PairRecord(
        id=ONE.id,
        interface="netvsc0",
        attachment="eth0",
        network="azure",
        home="eth1",
        vf_home=None,
        up=True,
    )
    facts = {"container": "c", "netns": "/run/netns/x", "namespace": "nf", "pod": "fwd-0"}
    checkpoint = Checkpoint(**facts, phase=ContainerPhase.INSIDE, pairs=(held,), uid="")
    assert attachments_of([checkpoint]) == {ONE.id: PodAttachment("eth1", "netvsc0", None)}
    assert attachments_of([replace(checkpoint, uid="u")]) == {
        ONE.id: PodAttachment("eth1", "netvsc0", "u")
    }
    entering = replace(checkpoint, phase=ContainerPhase.ENTERING)
    assert attachments_of([entering]) == {ONE.id: PodAttachment("eth1")}


def test_a_verbs_device_that_is_anothers_is_told() -> None:
    status = look(allocated_verbs={ONE.id: ("uverbs2",)})
    assert status.pairs[0].verbs_mismatch
    assert "uverbs2" in status.pairs[0].verbs_mismatch
    assert status.pairs[1].verbs_mismatch is None


def test_an_announcement_carries_the_last_order_even_where_no_sidecar_answers() -> None:
    taken = Announcement(state=AnnounceState.TAKEN, generation=2)
    status = look(announcements={ONE.id: taken}, ordered={ONE.id: 3, pair(2).id: 1})
    assert status.pairs[0].announcement == replace(taken, ordered=3)
    assert status.pairs[1].announcement == Announcement(state=AnnounceState.UNKNOWN, ordered=1)
    assert look().pairs[0].announcement is None


def test_counters_and_their_times_are_told() -> None:
    count = Count(revocations=2, returns=1, revoked=NOON, returned=NOON - 5, outage=63.5)
    told = look(counts={ONE.id: count}).pairs[0]
    assert (told.revocations, told.returns, told.last_outage_seconds) == (2, 1, 63.5)
    assert (told.last_revoked, told.last_returned) == (to_text(NOON), to_text(NOON - 5))


def test_a_pair_in_use_of_a_pool_that_is_gone_keeps_the_resource_of_that_name() -> None:
    assert look(pools=()).pairs[0].resource == "netvsc.io/pair"


def test_what_a_pool_names_and_nobody_has_is_told_wherever_the_nics_are() -> None:
    selector = Selector(
        macs=(ONE.mac, "00:0d:3a:c0:00:99"), interfaces=("eth1", "eth0", "ens*", "eth2")
    )
    status = look(
        pools=(replace(POOL, selector=selector),),
        inventory=Inventory(
            pairs=(replace(ONE, netns="pod", netvsc="netvsc0"), pair(2)),
            excluded=(
                Exclusion(
                    id="00-0d-3a-c0-00-00",
                    interface="eth0",
                    reason=Reason.DEFAULT_ROUTE,
                    message="the uplink",
                ),
            ),
        ),
        attachments={ONE.id: PodAttachment("eth1")},
    )
    assert status.pools[0].unmatched == ("00:0d:3a:c0:00:99", "ens*")
    (unmatched,) = status.conditions
    assert (unmatched.status, unmatched.reason) == (Truth.TRUE, "NotFound")
    assert "pair: 00:0d:3a:c0:00:99, ens*" in unmatched.message


def test_conflicts_are_sentences_and_nothing_is_longer_than_the_crd_takes() -> None:
    conflict = Conflict(interface="eth1", reason=Clash.SAME_MAC, message="x" * 5000)
    excluded = Exclusion(
        id="00-0d-3a-c0-00-00", interface="eth0", reason=Reason.NOT_SELECTED, message="y" * 5000
    )
    status = look(inventory=Inventory(conflicts=(conflict,) * 100, excluded=(excluded,) * 300))
    schema = _status_schema()
    assert len(status.conflicts) == schema["conflicts"]["maxItems"]
    assert status.conflicts[0].startswith("eth1: xxx")
    assert len(status.conflicts[0]) == schema["conflicts"]["items"]["maxLength"]
    assert len(status.excluded) == schema["excluded"]["maxItems"]
    message = schema["excluded"]["items"]["properties"]["message"]
    assert len(status.excluded[0].message) == message["maxLength"]


def _status_schema() -> dict[str, Any]:
    text = (resources.files("netvsc_operator") / "crds/netvscnodes.yaml").read_text()
    (version,) = yaml.safe_load(text)["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["status"]
    return dict(found["properties"])


def test_a_status_can_be_read_back() -> None:
    status = look(allocations={ONE.id: FWD}, counts={ONE.id: Count(revocations=1, revoked=NOON)})
    assert from_plain(NodeStatus, to_plain(status)) == status


truths = st.sampled_from(list(Truth))


@given(st.lists(truths, min_size=1, max_size=8))
def test_the_time_of_a_condition_is_that_of_its_last_change_of_status(said: list[Truth]) -> None:
    before: tuple[Condition, ...] = ()
    changed = 0
    for number, truth in enumerate(said):
        state = ConditionState("Ready", truth, f"Reason{number}", f"message {number}")
        if number == 0 or truth is not said[number - 1]:
            changed = number
        before = conditions.dated([state], before, NOON + number)
        assert before[0].message == f"message {number}"
    assert before[0].last_transition_time == to_text(NOON + changed)


@pytest.mark.parametrize(
    ("registered", "pools", "status", "reason"),
    [
        ({}, 0, Truth.TRUE, "NoPools"),
        ({}, 1, Truth.FALSE, "NotServing"),
        ({"netvsc.io/pair": False}, 1, Truth.FALSE, "NotRegistered"),
        ({"netvsc.io/pair": True}, 1, Truth.TRUE, "Registered"),
    ],
)
def test_a_node_is_ready_when_the_kubelet_knows_every_resource(
    registered: dict[str, bool], pools: int, status: Truth, reason: str
) -> None:
    state = conditions.ready(registered, pools=pools)
    assert (state.status, state.reason) == (status, reason)


def test_refused_pools_and_a_silent_kubelet_are_conditions_with_their_reason() -> None:
    refused = conditions.pools_accepted("spec.pools[0].name: is bad")
    assert (refused.status, refused.reason) == (Truth.FALSE, "Refused")
    assert refused.message == "spec.pools[0].name: is bad; the last good spec stays in force"
    assert conditions.pools_accepted(None).status is Truth.TRUE
    assert conditions.pod_resources("it hung up").message == "it hung up"
    assert conditions.pod_resources(None).status is Truth.TRUE


@pytest.mark.parametrize(
    ("place", "status"),
    [
        (UNKNOWN, Truth.UNKNOWN),
        (ChainStatus(ChainReason.CHAINED), Truth.TRUE),
        (ChainStatus(ChainReason.CONTESTED, "somebody"), Truth.FALSE),
        (ChainStatus(ChainReason.PODS_HOLD_PAIRS, "nf/fwd-0"), Truth.TRUE),
    ],
)
def test_the_place_in_the_chain_is_a_condition(place: ChainStatus, status: Truth) -> None:
    state = conditions.chain_installed(place)
    assert (state.status, state.reason, state.message) == (
        status,
        place.reason.value,
        place.message,
    )


@pytest.mark.parametrize(
    ("place", "status", "reason"),
    [
        (None, Truth.TRUE, "NothingInstalled"),
        (ChainStatus(ChainReason.REMOVED), Truth.TRUE, "Removed"),
        (ChainStatus(ChainReason.LEAVING), Truth.FALSE, "Removing"),
        (ChainStatus(ChainReason.PODS_HOLD_PAIRS, "delete nf/fwd-0"), Truth.FALSE, "PairsInUse"),
    ],
)
def test_an_uninstall_is_done_when_nothing_of_us_is_left(
    place: ChainStatus | None, status: Truth, reason: str
) -> None:
    state = conditions.uninstalled(place)
    assert (state.status, state.reason) == (status, reason)


def test_a_pair_whose_pod_is_known_and_that_is_at_home_is_told_as_it_is_there() -> None:
    attached = {ONE.id: PodAttachment("eth9", "netvsc0", "uid-1")}
    status = look(allocations={ONE.id: FWD}, attachments=attached)
    told = status.pairs[0]
    assert told.netvsc == "eth1"
    assert told.allocation
    assert (told.allocation.interface, told.allocation.uid) == (None, "uid-1")


def test_a_pair_in_a_pod_of_which_nothing_is_known_has_the_name_that_it_has_there() -> None:
    inside = replace(ONE, netns="pod", netvsc="netvsc0")
    status = look(inventory=inventory(inside), allocations={ONE.id: FWD})
    told = status.pairs[0]
    assert told.netvsc == "netvsc0"
    assert told.allocation
    assert (told.allocation.interface, told.allocation.uid) == (None, None)


def test_free_is_what_no_container_has_and_each_pair_has_its_pools_resource() -> None:
    fast = Pool(name="fast", resource="netvsc.io/quick")
    found = inventory(ONE, pair(2), replace(pair(3), pool="fast"), replace(pair(4), pool="gone"))
    status = look(pools=(POOL, fast), inventory=found, allocations={ONE.id: FWD})
    assert status.summary.free == 3
    assert [(pool.pairs, pool.free) for pool in status.pools] == [(2, 1), (1, 1)]
    assert [one.resource for one in status.pairs[1:]] == [
        "netvsc.io/pair",
        "netvsc.io/quick",
        "netvsc.io/gone",
    ]
