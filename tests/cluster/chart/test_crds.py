"""The CRDs before a real apiserver: taken, enforced with the remedy in each message, shown well."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from cluster.apiserver import apiserver
from cluster.harness.errors import ClusterError
from netvsc.encoding.serialize import from_plain, to_plain
from netvsc.model.pair import Path, VfSeen
from netvsc.model.status import (
    AgentStatus,
    AllocationStatus,
    Announcement,
    AnnounceState,
    Condition,
    ExcludedStatus,
    NodeStatus,
    PairStatus,
    PoolStatus,
    Summary,
    Truth,
    VfStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster
Object = dict[str, Any]
AT = "2026-01-02T03:04:05.000006Z"


@pytest.fixture(scope="module")
def api() -> Iterator[Cluster]:
    with apiserver("crds") as cluster:
        for _ in range(2):  # applied twice is applied once
            crds(cluster)
        yield cluster


def crds(cluster: Cluster) -> None:
    words = ["-m", "netvsc_operator", "crds", "--kubeconfig", str(cluster.layout.kubeconfig)]
    subprocess.run([sys.executable, *words], check=True, timeout=60)


def pool(name: str = "lab", **spec: object) -> Object:
    return {
        "apiVersion": "netvsc.io/v1alpha1",
        "kind": "NetvscPool",
        "metadata": {"name": name},
        "spec": spec,
    }


def node(name: str, **more: object) -> Object:
    return {
        "apiVersion": "netvsc.io/v1alpha1",
        "kind": "NetvscNode",
        "metadata": {"name": name},
        **more,
    }


def dry(cluster: Cluster, thing: Object) -> str:
    words = ("create", "--dry-run=server", "-o", "json", "-f", "-")
    return cluster.kubectl(*words, stdin=json.dumps(thing))


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"resource": "netvsc.io/Fast_1.a"},
        {"selector": {"macs": ["00:0d:3a:c0:00:11", "00-0D-3A-C0-00-12"]}},
        {"selector": {"interfaces": ["eth*", "enP?s[0-9]", "averyveryverylong*"]}},
        {"selector": {"subnets": ["10.0.1.0/24", "fd00::/64"], "numaNodes": [0, 1]}},
        {"selector": {"interfaces": ["eth1"]}, "force": True},
        {"devargsTemplate": "net_fakevf_{pcihex},iface={interface}", "unhealthyAfter": "90s"},
        {"nodeSelector": {"kubernetes.io/os": "linux", "node-role.kubernetes.io/dpdk": ""}},
        {"mode": "vdev-netvsc", "fallback": "af_packet", "verbs": "pool", "addresses": "azure"},
    ],
)
def test_a_good_pool_is_taken(api: Cluster, spec: Object) -> None:
    taken = json.loads(dry(api, pool(**spec)))
    assert spec.items() <= taken["spec"].items()
    assert taken["spec"]["interfacePrefix"] == "netvsc"


@pytest.mark.parametrize(
    ("spec", "remedy"),
    [
        ({"resource": "nvidia.com/gpu"}, "write netvsc.io/<name>"),
        ({"resource": "netvsc.io/-a"}, "write netvsc.io/<name>"),
        ({"priority": 1_000_001}, "less than or equal to 1000000"),
        ({"selector": {}}, "leave selector out to take every pair, or give macs"),
        ({"selector": {"macs": []}}, "at least 1 items"),
        ({"selector": {"macs": ["00:0d:3a:c0:00"]}}, "write the six octets"),
        ({"selector": {"macs": ["01:0d:3a:c0:00:11"]}}, "write the six octets"),
        ({"selector": {"macs": ["00:00:00:00:00:00"]}}, "write the six octets"),
        ({"selector": {"interfaces": ["eth1:0"]}}, "takes no '/', ':' or white space"),
        ({"selector": {"interfaces": [".."]}}, "takes no '/', ':' or white space"),
        ({"selector": {"interfaces": ["a-name-of-16-byt"]}}, "at most 15 bytes: write eth1"),
        ({"selector": {"subnets": ["10.0.1.0"]}}, "write 10.0.1.0/24"),
        ({"selector": {"numaNodes": [-1]}}, "greater than or equal to 0"),
        ({"force": True}, "name them in selector.interfaces or selector.macs"),
        ({"force": True, "selector": {"drivers": ["mana"]}}, "name them in selector.interfaces"),
        ({"interfacePrefix": "a/b"}, "such as netvsc"),
        ({"interfacePrefix": "thirteen-char"}, "12"),
        ({"mode": "magic"}, '"auto", "failsafe-fd", "failsafe-exec", "vdev-netvsc", "none"'),
        ({"fallback": "tun"}, '"tap", "af_packet"'),
        ({"hotplugPollMs": 0}, "greater than or equal to 1"),
        ({"devargsTemplate": "{pci},x={foo}"}, "known are {pci}, {mac}, {pcihex} and {interface}"),
        ({"devargsTemplate": "a b"}, "no white space"),
        ({"unhealthyAfter": "0s"}, "write never, or a time such as 90s or 5m"),
        ({"unhealthyAfter": "5 min"}, "write never, or a time such as 90s or 5m"),
        ({"selektor": {}}, 'unknown field "spec.selektor"'),
    ],
)
def test_a_bad_pool_is_refused_with_the_remedy(api: Cluster, spec: Object, remedy: str) -> None:
    with pytest.raises(ClusterError) as caught:
        dry(api, pool(**spec))
    assert remedy in str(caught.value)


def test_a_pools_name_is_a_dns_label(api: Cluster) -> None:
    with pytest.raises(ClusterError, match="the name of a pool is a DNS label"):
        dry(api, pool("two.parts"))


def test_a_pool_without_a_spec_is_refused(api: Cluster) -> None:
    thing = pool()
    del thing["spec"]
    with pytest.raises(ClusterError, match="spec: Required value"):
        dry(api, thing)


def test_a_thousand_macs_are_within_the_rules_cost(api: Cluster) -> None:
    macs = [f"00:0d:3a:c0:{n // 256:02x}:{n % 256:02x}" for n in range(1024)]
    taken = json.loads(dry(api, pool(selector={"macs": macs})))
    assert len(taken["spec"]["selector"]["macs"]) == 1024


def test_a_node_takes_orders_by_pair_id_alone(api: Cluster) -> None:
    good = node("n1", spec={"announce": {"00-0d-3a-c0-00-11": 3}, "pools": [{"name": "pair"}]})
    assert json.loads(dry(api, good))["spec"]["announce"] == {"00-0d-3a-c0-00-11": 3}
    with pytest.raises(ClusterError, match="write the MAC with dashes"):
        dry(api, node("n1", spec={"announce": {"00:0d:3a:c0:00:11": 3}}))


def test_a_pool_in_a_nodes_spec_keeps_every_field(api: Cluster) -> None:
    compiled = {"name": "lab", "resource": "netvsc.io/lab", "fromTheFuture": {"a": 1}}
    taken = json.loads(dry(api, node("n1", spec={"pools": [compiled]})))
    assert taken["spec"]["pools"] == [compiled]


@pytest.mark.parametrize("state", ["Listed", "taken"])
def test_a_foreign_owners_state_is_one_of_two(api: Cluster, state: str) -> None:
    foreign = {"interface": "eth1", "owner": "dra.net", "state": state}
    with pytest.raises(ClusterError, match='"listed", "allocated"'):
        dry(api, node("n1", spec={"foreign": [foreign]}))


STATUS = NodeStatus(
    agent=AgentStatus(version="1.2.3", started=AT),
    summary=Summary(pairs=3, free=2, on_vf=1, revoked24h=4),
    observed_generation=1,
    pools=(PoolStatus(name="pair", resource="netvsc.io/pair", pairs=3, free=2, unmatched=("x",)),),
    pairs=(
        PairStatus(
            id="00-0d-3a-c0-00-11",
            netvsc="eth1",
            pool="pair",
            resource="netvsc.io/pair",
            path=Path.VF,
            vf_seen=VfSeen.PRESENT,
            vmbus="f8615163-0000-1000-2000-00000000000a",
            numa_node=0,
            mtu=1500,
            addresses=("10.0.1.4/24",),
            vf=VfStatus(pci="9b33:00:02.0", interface="eth2", driver="mana", verbs=("uverbs0",)),
            last_vf=VfStatus(pci="9b33:00:02.0", interface="eth2"),
            verbs_mismatch="uverbs0 was given, uverbs1 is there",
            allocation=AllocationStatus(
                namespace="nf",
                pod="fwd-0",
                container="fwd",
                resource="netvsc.io/pair",
                interface="netvsc0",
                verbs=("uverbs0",),
            ),
            announcement=Announcement(
                state=AnnounceState.TAKEN, line="9b33:00:02.0", generation=3, taken_at=AT
            ),
            revocations=4,
            last_revoked=AT,
            last_outage_seconds=63.5,
        ),
    ),
    excluded=(ExcludedStatus(id="x", interface="eth0", reason="DefaultRoute", message="uplink"),),
    conflicts=("two VFs",),
    conditions=(
        Condition(
            type="Ready", status=Truth.TRUE, reason="Serving", message="", last_transition_time=AT
        ),
    ),
)


def test_a_status_as_the_agent_writes_it_comes_back_the_same_and_fills_the_columns(
    api: Cluster,
) -> None:
    api.apply(node("n1", spec={}))
    patch = json.dumps({"status": to_plain(STATUS)})
    words = ("patch", "nvn", "n1", "--subresource=status", "--type=merge", "-p", patch)
    api.kubectl(*words)
    assert from_plain(NodeStatus, api.get("nvn", "n1")["status"]) == STATUS
    header, row = api.kubectl("get", "nvn").splitlines()
    assert header.split() == ["NAME", "PAIRS", "FREE", "ON-VF", "REVOKED-24H", "AGENT", "AGE"]
    assert row.split()[:6] == ["n1", "3", "2", "1", "4", "1.2.3"]


def test_a_status_is_of_the_agents_and_a_spec_of_the_controllers(api: Cluster) -> None:
    api.apply(node("n2", spec={"uninstall": True}))
    patch = json.dumps({"spec": {"uninstall": False}, "status": to_plain(STATUS)})
    words = ("patch", "nvn", "n2", "--type=merge")
    api.kubectl(*words, "--subresource=status", "-p", patch)
    assert api.get("nvn", "n2")["spec"]["uninstall"] is True


def test_a_pool_is_listed_with_what_people_look_for(api: Cluster) -> None:
    api.apply(pool("pair"))
    status = {"resource": "netvsc.io/pair", "nodes": 2, "pairs": 6, "free": 4}
    words = ("patch", "nvp", "pair", "--subresource=status", "--type=merge")
    api.kubectl(*words, "-p", json.dumps({"status": status}))
    header, row = api.kubectl("get", "nvp", "pair").splitlines()
    columns = ["NAME", "RESOURCE", "PRIORITY", "NODES", "PAIRS", "FREE", "MODE", "AGE"]
    assert header.split() == columns
    assert row.split()[:7] == ["pair", "netvsc.io/pair", "0", "2", "6", "4", "auto"]


def test_kubectl_explains_a_field(api: Cluster) -> None:
    assert "fail-safe looks for a VF" in api.kubectl("explain", "nvp.spec.hotplugPollMs")
    assert "Counts the sidecar's offers" in api.kubectl(
        "explain", "netvscnode.status.pairs.announcement.generation"
    )
