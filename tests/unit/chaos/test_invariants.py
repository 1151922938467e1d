"""Each thing that chaos must not break is seen when it is broken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.chaos.invariants import judge, wires
from cluster.chaos.seen import (
    HOME,
    Broken,
    Invariant,
    Life,
    Netdev,
    NicTruth,
    PairSeen,
    PipeSeen,
    PodSeen,
    Snapshot,
    Truth,
)
from cluster.chaos.steps import Role

FWD, SPARE = Role.FORWARDER, Role.SPARE
LIFE = Life(pid=7, started=100, restarts=0)
MAC, OTHER = "00:0d:3a:c0:00:01", "00:0d:3a:c0:00:02"
ID, OTHER_ID = MAC.replace(":", "-"), OTHER.replace(":", "-")
TRUTH = Truth(
    namespace="t",
    nics=(
        NicTruth(role=FWD, id=ID, name="eth1", mac=MAC, vf="veth1at3", pci="9b31:00:03.0"),
        NicTruth(role=SPARE, id=OTHER_ID, name="eth2", mac=OTHER, vf=None, pci=None),
    ),
    holders=frozenset({FWD}),
    born={FWD: LIFE},
)
NETVSC = Netdev(space="cni-1", name="netvsc0", mac=MAC, altnames=("nvhome-eth1",))
VF = Netdev(space="cni-1", name="veth1at3", mac=MAC)
FREE = Netdev(space=HOME, name="eth2", mac=OTHER)
LINE = "net_fakevf_9b3100030,iface=veth1at3"
HELD = PairSeen(
    path="VF",
    pci="9b31:00:03.0",
    holder="t/fwd",
    interface="netvsc0",
    announced="Taken",
    line=LINE,
)
WELL = Snapshot(
    netdevs=(NETVSC, VF, FREE),
    wires=frozenset({"eth1-far", "eth2-far", "veth1at3-far"}),
    pods={"fwd": PodSeen(uid="u", restarts=0, accelerated="True", ready=True)},
    pairs={ID: HELD, OTHER_ID: PairSeen(path="Synthetic")},
    pipes={FWD: PipeSeen(vf="taken", line=LINE, pci="9b31:00:03.0")},
    lives={FWD: LIFE},
    spaces={"fwd": "cni-1"},
    allocatable=2,
    left=("c1",),
)


def only(seen: Snapshot, *, truth: Truth = TRUTH) -> Broken:
    """The one thing that is broken."""
    [found] = judge(truth, seen)
    return found


def pair(**other: str | None) -> Snapshot:
    return replace(WELL, pairs={**WELL.pairs, ID: replace(HELD, **other)})  # type: ignore[arg-type]


def test_nothing_is_broken_where_all_is_well() -> None:
    assert judge(TRUTH, WELL) == []


@pytest.mark.parametrize(
    "now",
    [
        {},
        {FWD: replace(LIFE, pid=8)},
        {FWD: replace(LIFE, started=101)},
        {FWD: replace(LIFE, restarts=1)},
    ],
)
def test_an_application_that_was_started_anew_is_seen(now: dict[Role, Life]) -> None:
    assert only(replace(WELL, lives=now)).invariant is Invariant.APPLICATION


def test_a_return_that_was_never_counted_is_seen() -> None:
    held = replace(HELD, revocations=134, returns=133)
    found = only(replace(WELL, pairs={**WELL.pairs, ID: held}))
    assert found.invariant is Invariant.STATUS
    assert "134 revocations and 133 returns" in found.what


def test_a_netdev_that_died_with_its_network_namespace_is_seen() -> None:
    [found] = wires(TRUTH, WELL.wires - {"eth2-far"})
    assert found.invariant is Invariant.PAIR


def test_a_vf_that_stayed_at_home_is_seen() -> None:
    seen = replace(WELL, netdevs=(NETVSC, replace(VF, space=HOME), FREE))
    assert Invariant.PAIR in {one.invariant for one in judge(TRUTH, seen)}


def test_a_pair_that_is_in_the_wrong_pod_is_seen() -> None:
    seen = replace(WELL, spaces={"fwd": "cni-2"})
    assert Invariant.PAIR in {one.invariant for one in judge(TRUTH, seen)}


def test_a_pair_in_two_places_is_seen() -> None:
    seen = replace(WELL, netdevs=(*WELL.netdevs, replace(FREE, space="cni-9")))
    assert only(seen).invariant is Invariant.PAIR


def test_a_pair_that_is_nowhere_is_seen() -> None:
    seen = replace(WELL, netdevs=(NETVSC, VF))
    assert {one.invariant for one in judge(TRUTH, seen)} == {Invariant.PAIR, Invariant.NAME}


def test_a_name_that_was_not_given_back_is_seen() -> None:
    seen = replace(WELL, netdevs=(NETVSC, VF, replace(FREE, name="netvsc0")))
    assert only(seen).invariant is Invariant.NAME


def test_a_lost_host_name_is_seen() -> None:
    seen = replace(WELL, netdevs=(replace(NETVSC, altnames=()), VF, FREE))
    assert only(seen).invariant is Invariant.NAME


def test_a_host_name_that_was_left_on_the_host_is_seen() -> None:
    seen = replace(WELL, netdevs=(NETVSC, VF, replace(FREE, altnames=("nvhome-eth2",))))
    assert only(seen).invariant is Invariant.NAME


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("path", "Synthetic"),
        ("pci", "9b31:00:02.0"),
        ("pci", None),
        ("holder", None),
        ("holder", "t/other"),
        ("interface", None),
        ("announced", "Offered"),
    ],
)
def test_a_status_that_is_not_true_is_seen(key: str, value: str | None) -> None:
    found = only(pair(**{key: value}))
    assert found.invariant is Invariant.STATUS
    assert key in found.what


def test_a_pair_that_netvscnode_forgot_is_seen() -> None:
    assert only(replace(WELL, pairs={ID: HELD})).invariant is Invariant.STATUS


@pytest.mark.parametrize("told", ["False", "Unknown", None])
def test_a_condition_that_is_not_true_is_seen(told: str | None) -> None:
    pods = {"fwd": PodSeen(uid="u", restarts=0, accelerated=told)}
    assert only(replace(WELL, pods=pods)).invariant is Invariant.STATUS


def test_a_device_that_the_scheduler_does_not_see_is_seen() -> None:
    assert only(replace(WELL, allocatable=1)).invariant is Invariant.STATUS


def test_a_file_of_a_container_that_is_gone_is_seen() -> None:
    assert only(replace(WELL, left=("c1", "c0"))).invariant is Invariant.PAIR


@pytest.mark.parametrize("line", ["net_fakevf_9b3100020,iface=veth1", None, "9b31:00:02.0"])
def test_an_announcement_of_another_vf_is_seen(line: str | None) -> None:
    pipes = {FWD: PipeSeen(vf="offered", line=line)}
    assert only(replace(WELL, pipes=pipes)).invariant is Invariant.ANNOUNCEMENT


def test_a_sidecar_that_does_not_answer_is_seen() -> None:
    assert only(replace(WELL, pipes={})).invariant is Invariant.ANNOUNCEMENT


def test_while_the_vf_is_away_a_line_is_broken_and_none_is_well() -> None:
    away = replace(TRUTH.nics[0], vf=None, pci=None)
    truth = replace(TRUTH, nics=(away, TRUTH.nics[1]))
    seen = replace(
        pair(path="Synthetic", pci=None, announced="Away", line=None),
        netdevs=(NETVSC, FREE),
        pods={"fwd": PodSeen(uid="u", restarts=0, accelerated="False")},
        pipes={FWD: PipeSeen(vf="away")},
    )
    assert judge(truth, seen) == []
    stale = replace(seen, pipes={FWD: PipeSeen(vf="offered", line=LINE)})
    assert only(stale, truth=truth).invariant is Invariant.ANNOUNCEMENT
