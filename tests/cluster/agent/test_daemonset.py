"""The agent as people install it: its image, its chart, a real kubelet, simulated NICs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cluster.deployments.agent_only import AGENTS, SHARED, wait_allocatable
from cluster.harness import ClusterError, project
from cluster.harness.wait import until
from cluster.pods import Pods, container, pod

if TYPE_CHECKING:
    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

RESOURCE = "netvsc.io/pair"
STAY = "sleep infinity"


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    return Pods(cluster, namespace)


def _asks_for_a_pair(name: str) -> dict[str, Any]:
    return pod(name, container("main", "sh", "-c", f"env; {STAY}", resource=RESOURCE))


def _given(pods: Pods, name: str) -> dict[str, Any]:
    def told() -> list[str]:
        return [line for line in pods.logs(name) if line.startswith("NETVSC_PAIRS=")]

    [line] = until(told, what=f"NETVSC_PAIRS in {name}", seconds=10)
    [pair] = json.loads(line.partition("=")[2])
    found: dict[str, Any] = pair
    return found


def _agent(cluster: Cluster) -> dict[str, Any]:
    [found] = cluster.get("pods", *AGENTS)["items"]
    agent: dict[str, Any] = found
    return agent


def test_both_images_keep_their_budgets_and_neither_has_a_shell(
    cluster: Cluster, agent_image: str
) -> None:
    assert agent_image
    project.image(cluster.layout, "fdpipe", "netvsc.io/fdpipe:test")
    for target, budget in (("agent", 140 * 10**6), ("fdpipe", 200 * 10**3)):
        names = project.contents(cluster.layout, target)
        assert budget / 10 < sum(names.values()) < budget, target
        shells = {"sh", "bash", "dash", "busybox"}
        assert not {name for name in names if name.rpartition("/")[2] in shells}, target


def test_a_pod_that_asks_for_a_pair_gets_one_and_the_one_too_many_waits_and_says_why(
    installed: Nics, pods: Pods
) -> None:
    assert installed
    given = {_given(pods, pods.start(_asks_for_a_pair(name)))["id"] for name in ("one", "two")}
    assert given == {nic.id for nic in SHARED}

    pods.create(_asks_for_a_pair("three"))
    pods.wait("three", "condition=PodScheduled=False")

    conditions = pods.get("three")["status"]["conditions"]
    assert any(f"Insufficient {RESOURCE}" in found.get("message", "") for found in conditions)


def test_a_vf_that_leaves_and_returns_changes_nothing_the_scheduler_sees(
    cluster: Cluster, installed: Nics, pods: Pods
) -> None:
    for nic in SHARED:
        installed.revoke(nic)
    # The pods are placed after the revocation: had it mattered, one of them would wait.
    for name in ("one", "two"):
        pods.start(_asks_for_a_pair(name))
    for nic in SHARED:
        installed.give(nic)
    wait_allocatable(cluster, RESOURCE, len(SHARED))


def test_the_agents_pod_has_no_shell_no_privilege_and_no_token(
    cluster: Cluster, installed: Nics
) -> None:
    assert installed
    agent = _agent(cluster)
    [main] = agent["spec"]["containers"]
    assert not main["securityContext"]["privileged"]
    assert not any("serviceaccount" in mount["mountPath"] for mount in main["volumeMounts"])
    name = agent["metadata"]["name"]
    with pytest.raises(ClusterError, match="executable file not found"):
        cluster.kubectl("exec", "-n", "kube-system", name, "--", "sh", "-c", "true")


def test_a_restarted_kubelet_and_a_restarted_agent_find_each_other_and_the_pod_stays(
    cluster: Cluster, installed: Nics, pods: Pods
) -> None:
    assert installed
    pods.start(_asks_for_a_pair("resident"))
    before = pods.status("resident", "main")["containerID"]
    first = _given(pods, "resident")["id"]

    cluster.node.restart("kubelet")
    wait_allocatable(cluster, RESOURCE, len(SHARED))
    cluster.kubectl("delete", "pod", *AGENTS, "--wait")
    cluster.kubectl("rollout", "status", "daemonset/netvsc-deviceplugin", "-n", "kube-system")
    wait_allocatable(cluster, RESOURCE, len(SHARED))

    assert pods.status("resident", "main")["containerID"] == before
    second = _given(pods, pods.start(_asks_for_a_pair("newcomer")))["id"]
    assert {first, second} == {nic.id for nic in SHARED}
