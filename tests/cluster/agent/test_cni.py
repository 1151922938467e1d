"""Pairs move into their pods under a real kubelet and containerd, whatever becomes of the agent."""

from __future__ import annotations

import fcntl
import json
import os
import random
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cluster import testpmd
from cluster.deployments.agent_only import AGENTS, SHARED, THIN, checkpoints, wait_allocatable
from cluster.deployments.sidecar_only import application, echoes, load_sidecar, restarts, thin_pod
from cluster.harness import addresses, config
from cluster.harness.wait import until
from cluster.pods import Pods, container, pod
from dpdk.pod import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

SOAK = bool(os.environ.get("NETVSC_SOAK"))
AWAY_S = 60 if SOAK else 15
CHURN = 25 if SOAK else 5
RESOURCE = "netvsc.io/pair"
DAEMONSET = ("daemonset/netvsc-deviceplugin", "-n", "kube-system")
CONFLIST = f"/{config.CONFLIST}"
ADDRESS = "cat /sys/class/net/netvsc0/address"


@pytest.fixture(scope="module")
def nics(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Nics]:
    """With cniVersion 1.1.0 the runtime asks every plugin for its STATUS, and believes it."""
    cluster.node.write(CONFLIST, config.conflist(version="1.1.0"))
    yield request.getfixturevalue("installed")
    cluster.node.write(CONFLIST, config.conflist())


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    return Pods(cluster, namespace)


def _with_pair(name: str) -> dict[str, Any]:
    """With the annotation that the webhook will write."""
    names = json.dumps({"main": {RESOURCE: ["netvsc0"]}})
    metadata = {"annotations": {"netvsc.io/interfaces": names}}
    return pod(name, container("main", "sleep", "infinity", resource=RESOURCE), metadata=metadata)


def _wait_home(nics: Nics) -> None:
    until(nics.all_home, what="every pair to be home under its name", seconds=30, pause=0.1)


def _ready_since(cluster: Cluster) -> str:
    """Since when the node has been Ready, without a break."""
    conditions = cluster.get("node", addresses.NODE)["status"]["conditions"]
    [ready] = [one for one in conditions if one["type"] == "Ready"]
    assert ready["status"] == "True"
    since: str = ready["lastTransitionTime"]
    return since


def test_the_agent_is_last_in_the_runtimes_list_and_leaves_the_others_alone(
    cluster: Cluster, nics: Nics
) -> None:
    assert nics
    before = json.loads(config.conflist(version="1.1.0"))
    now = json.loads(cluster.node.read(CONFLIST))

    assert now["plugins"].pop()["type"] == "netvsc-cni"
    assert now == before


def test_a_pair_is_in_its_pod_while_it_lives_and_home_again_afterwards(
    cluster: Cluster, nics: Nics, pods: Pods
) -> None:
    for _ in range(2):
        began = time.monotonic()
        pods.start(_with_pair("holder"))
        print(f"created → Ready: {time.monotonic() - began:.2f} s")
        mac = pods.run("holder", "sh", "-c", ADDRESS).strip()
        [nic] = [nic for nic in SHARED if nic.mac == mac]
        assert pods.run("holder", "cat", f"/sys/class/net/{nic.vf}/address").strip() == mac
        assert not {nic.name, nic.vf} & nics.on_host().keys()

        cluster.kubectl("delete", "pod", "holder", "-n", pods.namespace, "--wait")
        _wait_home(nics)
    wait_allocatable(cluster, RESOURCE, len(SHARED))


def test_a_pod_without_a_pair_passes(pods: Pods, nics: Nics) -> None:
    pods.start(pod("plain", container("main", "sleep", "infinity")))

    assert "netvsc0" not in pods.run("plain", "ls", "/sys/class/net")
    assert nics.all_home()


def test_without_the_agent_the_node_is_ready_plain_pods_come_and_go_and_pairs_wait(
    cluster: Cluster, nics: Nics, pods: Pods
) -> None:
    since = _ready_since(cluster)
    pods.start(_with_pair("leaving"))
    with _no_add_ends(cluster):
        pods.create(_with_pair("coming"))
        until(lambda: _given(cluster) == len(SHARED), what="Allocate for the second", seconds=20)
        _send_away(cluster)
        gone = time.monotonic()

    cluster.kubectl("delete", "pod", "leaving", "-n", pods.namespace, "--wait=false")
    plain = 0
    while time.monotonic() - gone < AWAY_S:
        pods.start(pod("plain", container("main", "sleep", "infinity")))
        cluster.kubectl("delete", "pod", "plain", "-n", pods.namespace, "--wait")
        plain += 1
    print(f"agent away for {AWAY_S} s: {plain} plain pods came and went")

    for name in ("coming", "leaving"):
        said = pods.reasons(name)
        assert any("netvsc-deviceplugin does not answer" in text for text in said), (name, said)
    assert _ready_since(cluster) == since

    _call_back(cluster)
    back = time.monotonic()
    pods.wait("coming", "condition=Ready")
    pods.wait("leaving", "delete")
    print(f"agent back → waiting pod Ready, leaving pod gone: {time.monotonic() - back:.1f} s")
    assert pods.run("coming", "sh", "-c", ADDRESS).strip() in {nic.mac for nic in SHARED}
    assert _ready_since(cluster) == since
    cluster.kubectl("delete", "pod", "coming", "-n", pods.namespace, "--wait")
    _wait_home(nics)


def test_agents_that_die_while_pods_come_and_go_lose_no_pair(
    cluster: Cluster, nics: Nics, pods: Pods
) -> None:
    chance = random.Random(8)
    cluster.apply(_replicas(len(SHARED)), namespace=pods.namespace)
    here = ("-n", pods.namespace)
    for _ in range(CHURN):
        for what in chance.sample([("-l", "app=churn", *here), AGENTS], 2):
            cluster.kubectl("delete", "pods", *what, "--wait=false", "--grace-period=1")
            time.sleep(chance.uniform(0, 2))  # the moment is what is tried, not waited for
        if chance.random() < 0.5:
            cluster.kubectl("delete", "pods", *AGENTS, "--force", "--grace-period=0")
    cluster.kubectl("rollout", "status", *DAEMONSET, "--timeout=60s")
    churn = ("replicaset/churn", *here)
    ready = f"--for=jsonpath={{.status.readyReplicas}}={len(SHARED)}"
    cluster.kubectl("wait", ready, *churn, "--timeout=60s")

    # With it go the pods that were refused because no agent was there when they came.
    cluster.kubectl("delete", *churn, "--cascade=foreground", "--wait", "--timeout=120s")

    _wait_home(nics)
    wait_allocatable(cluster, RESOURCE, len(SHARED))
    assert not checkpoints(cluster)


def test_testpmd_in_its_own_network_loses_its_vf_and_has_it_back_from_the_hosts(
    cluster: Cluster, nics: Nics, pods: Pods
) -> None:
    load_sidecar(cluster)
    cluster.image(testpmd.IMAGE, testpmd.files())
    forwarder = application(testpmd.IMAGE, testpmd.command("netvsc0"))
    tree = str(nics.tree.root)
    pods.start(thin_pod(tree, forwarder, pair=f"netvsc0,template={TEMPLATE}"))
    assert not {THIN.name, THIN.vf} & nics.on_host().keys()
    assert echoes(cluster, THIN.vf)

    for _ in range(3):
        nics.revoke(THIN)
        assert echoes(cluster, THIN.name)
        nics.give(THIN)
        began = time.monotonic()
        assert echoes(cluster, THIN.vf)
        print(f"VF back in the host's network → forwarding: {time.monotonic() - began:.2f} s")
        assert THIN.vf not in nics.on_host()

    assert restarts(pods) == [0, 0]
    cluster.kubectl("delete", "pod", "thin", "-n", pods.namespace, "--wait")
    _wait_home(nics)


def _replicas(count: int) -> dict[str, Any]:
    """Pods that are made again: one that is placed while the agent is away is refused for good."""
    made = _with_pair("churn")
    annotations = made["metadata"]["annotations"]
    metadata = {"labels": {"app": "churn"}, "annotations": annotations}
    template = {"metadata": metadata, "spec": made["spec"]}
    selector = {"matchLabels": {"app": "churn"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "churn"},
        "spec": {"replicas": count, "selector": selector, "template": template},
    }


def _given(cluster: Cluster) -> int:
    """How many pairs the kubelet has asked for and not yet given back."""
    return len(json.loads(cluster.node.read("/run/netvsc/given.json")))


@contextmanager
def _no_add_ends(cluster: Cluster) -> Iterator[None]:
    """Hold the lock of the primary network's address store: what is before us in the chain."""
    store = Path(f"/proc/{cluster.node.pid}/root/var/lib/cni/networks/pods/lock")
    with store.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _send_away(cluster: Cluster) -> None:
    _select(cluster, {"netvsc.io/away": "yes"})
    cluster.kubectl("wait", "--for=delete", "pods", *AGENTS, "--timeout=30s")


def _call_back(cluster: Cluster) -> None:
    _select(cluster, {"netvsc.io/away": None})
    cluster.kubectl("rollout", "status", *DAEMONSET, "--timeout=60s")


def _select(cluster: Cluster, labels: dict[str, str | None]) -> None:
    change = {"spec": {"template": {"spec": {"nodeSelector": labels}}}}
    cluster.kubectl("patch", *DAEMONSET, "--type=merge", "-p", json.dumps(change))
