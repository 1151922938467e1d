"""What `kubectl netvsc` prints of a fleet with one pod on the slow path."""

from dataclasses import replace

from netvsc.encoding.columns import columns
from netvsc.encoding.timestamps import to_text
from netvsc.model.pair import Path, VfSeen
from netvsc.model.status import (
    STARTING,
    AgentStatus,
    AllocationStatus,
    Announcement,
    AnnounceState,
    Condition,
    NodeStatus,
    PairStatus,
    Summary,
    Truth,
    VfStatus,
)
from netvsc_operator.kubectl.pairs import Node, holders, silent
from netvsc_operator.kubectl.queries import node_of
from netvsc_operator.kubectl.tables import age, events, nodes, pairs, pods, table

NOW = 1_800_000_000.0
FAST = PairStatus(
    id="00-0d-3a-c0-00-11",
    netvsc="eth1",
    pool="pair",
    resource="netvsc.io/pair",
    path=Path.VF,
    vf_seen=VfSeen.PRESENT,
    vf=VfStatus(pci="9b33:00:02.0", interface="eth2", driver="mlx5_core"),
    allocation=AllocationStatus(
        namespace="nf",
        pod="fwd-0",
        container="fwd",
        resource="netvsc.io/pair",
        interface="netvsc0",
    ),
    announcement=Announcement(state=AnnounceState.TAKEN),
    revocations=4,
    last_returned=to_text(NOW - 200),
    last_outage_seconds=63.52,
)
SLOW = replace(
    FAST,
    id="00-0d-3a-c0-00-12",
    path=Path.SYNTHETIC,
    vf=None,
    allocation=replace(FAST.allocation, namespace="lab", pod="probe"),  # type: ignore[type-var]
    announcement=Announcement(state=AnnounceState.AWAY),
    last_revoked=to_text(NOW - 45),
)
STATUS = NodeStatus(
    agent=AgentStatus(version="0.1.0", started=to_text(NOW - 1e6)),
    summary=Summary(pairs=2, free=0, on_vf=1, revoked24h=5),
    pairs=(FAST, SLOW),
)
FLEET = [Node(name="aks-0", status=STATUS), Node(name="aks-1", status=None)]


def test_nodes_are_counted_and_a_silent_agent_is_said_to_be_one() -> None:
    assert columns(nodes(FLEET)).splitlines() == [
        "NODE   PAIRS  FREE  ON-VF  REVOKED-24H  AGENT  READY",
        "aks-0  2      0     1      5            0.1.0  True",
        "aks-1  -      -     -      -            -      its agent has not reported yet",
    ]


def test_an_agent_that_is_not_ready_says_why() -> None:
    unready = Condition(
        type="Ready",
        status=Truth.FALSE,
        reason="KubeletAway",
        message="no kubelet.sock",
        last_transition_time=to_text(NOW),
    )
    [_, row] = nodes([Node(name="aks-0", status=replace(STATUS, conditions=(unready,)))])
    assert row[-1] == "KubeletAway: no kubelet.sock"


def test_pods_show_their_path_since_when_and_how_long_the_last_outage_was() -> None:
    head, *rows = pods(holders(FLEET, namespace=None), now=NOW)
    assert [dict(zip(head, row, strict=True)) for row in rows] == [
        {
            "NAMESPACE": "lab",
            "POD": "probe",
            "CONTAINER": "fwd",
            "INTERFACE": "netvsc0",
            "NODE": "aks-0",
            "PATH": "Synthetic",
            "SINCE": "45s",
            "ANNOUNCED": "Away",
            "REVOKED": "4",
            "LAST-OUTAGE": "63.5s",
        },
        {
            "NAMESPACE": "nf",
            "POD": "fwd-0",
            "CONTAINER": "fwd",
            "INTERFACE": "netvsc0",
            "NODE": "aks-0",
            "PATH": "VF",
            "SINCE": "3m",
            "ANNOUNCED": "Taken",
            "REVOKED": "4",
            "LAST-OUTAGE": "63.5s",
        },
    ]


def test_wide_pods_tell_what_their_pair_is_made_of() -> None:
    head, *rows = pods(holders(FLEET, namespace="nf"), now=NOW, wide=True)
    assert head[-5:] == ("PAIR", "VF", "DRIVER", "APPLICATION", "GUARD")
    assert [row[-5:] for row in rows] == [
        ("00-0d-3a-c0-00-11", "9b33:00:02.0", "mlx5_core", "-", "-")
    ]


def test_pods_of_other_namespaces_are_left_out() -> None:
    assert [row[1] for row in pods(holders(FLEET, namespace="nf"), now=NOW)[1:]] == ["fwd-0"]


def test_pairs_are_shown_with_their_vf_and_their_holder() -> None:
    shown = columns(pairs(FLEET, now=NOW)).splitlines()
    assert "00-0d-3a-c0-00-11  eth1    pair  VF         3m     9b33:00:02.0  mlx5_core" in shown[1]
    assert "00-0d-3a-c0-00-12  eth1    pair  Synthetic  45s    -             -" in shown[2]
    assert "lab/probe" in shown[2]


def test_a_pair_whose_verbs_device_is_another_is_not_shown_as_fast() -> None:
    wrong = replace(FAST, verbs_mismatch="uverbs1 was given, its VF has uverbs0")
    status = replace(STATUS, pairs=(wrong,))
    held = holders([Node(name="n", status=status)], namespace=None)
    assert pods(held, now=NOW)[1][5] == "VF, wrong verbs device"


def unheard(pair: PairStatus) -> Node:
    said = Announcement(state=AnnounceState.UNKNOWN, reason=STARTING)
    return Node(name="n", status=replace(STATUS, pairs=(replace(pair, announcement=said),)))


def test_a_pod_without_a_sidecar_is_not_said_to_be_starting() -> None:
    found = [unheard(FAST), *FLEET]
    assert silent(found, namespace=None) == {("nf", "fwd-0", None)}
    [held, _] = holders(found, namespace="nf", alone=silent(found, namespace=None))
    assert pods([held], now=NOW)[1][7] == "NotAnnounced"


def test_a_sidecar_that_may_yet_answer_is_said_to_be_starting() -> None:
    [held] = holders([unheard(FAST)], namespace=None)
    assert pods([held], now=NOW)[1][7] == "Unknown (Starting)"


def test_what_would_rule_a_terminal_is_written_out() -> None:
    loud = replace(FAST, netvsc="eth\x1b[2J\u202e1")
    rows = pairs([Node(name="n", status=replace(STATUS, pairs=(loud,)))], now=NOW)
    assert r"eth\x1b[2J\u202e1" in table(rows, nothing="none")


def test_a_status_that_makes_no_sense_hides_no_other_node() -> None:
    odd = node_of({"metadata": {"name": "aks-2"}, "status": {"summary": {}}})
    assert [row[-1] for row in nodes([odd, *FLEET])[1:3]] == [
        "cannot be read: status: has no agent: add it",
        "True",
    ]


def test_events_come_with_the_newest_last() -> None:
    def event(reason: str, seconds: float) -> dict[str, object]:
        about = {"kind": "Pod", "namespace": "nf", "name": "fwd-0"}
        when = to_text(NOW - seconds)
        return {"reason": reason, "note": "said so", "regarding": about, "eventTime": when}

    assert events([event("VFReturned", 10), event("VFRevoked", 300)], now=NOW)[1:] == [
        ("5m", "VFRevoked", "pod nf/fwd-0", "said so"),
        ("10s", "VFReturned", "pod nf/fwd-0", "said so"),
    ]


def test_ages_are_short_and_a_time_that_is_none_is_no_crash() -> None:
    ages = [age(to_text(NOW - seconds), now=NOW) for seconds in (0, 119, 120, 7200, 200_000)]
    assert ages == ["0s", "119s", "2m", "2h", "2d"]
    assert age("yesterday", now=NOW) == "?"


def test_wide_events_tell_how_often_and_since_when() -> None:
    series = {"count": 7, "lastObservedTime": to_text(NOW - 10)}
    one = {"type": "Warning", "reason": "R", "eventTime": to_text(NOW - 300), "series": series}
    assert events([one], now=NOW, wide=True)[1][:5] == ("10s", "Warning", "7", "5m", "R")
