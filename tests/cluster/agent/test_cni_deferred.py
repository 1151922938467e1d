"""A pod without the annotation starts while the agent is away: its pair comes when that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cluster.agent import test_cni as cni
from cluster.deployments.agent_only import checkpoints
from cluster.harness.wait import until
from cluster.pods import Pods, container, pod
from cluster.stories.shared import sample

if TYPE_CHECKING:
    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster
NETDEVS = ("ls", "/sys/class/net")
ALLOCATED = 'netvsc_allocations_total{result="granted"}'


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    return Pods(cluster, namespace)


def deferred(cluster: Cluster) -> list[str]:
    return cluster.node.run(["ls", "/run/netvsc/passed"]).stdout.decode().split()


def test_its_pair_comes_late_and_a_plain_pods_note_goes(
    cluster: Cluster, installed: Nics, pods: Pods
) -> None:
    sleep = ("main", "sleep", "infinity")
    pods.start(pod("first", container(*sleep)))  # whose address makes the store that is locked
    with cni._no_add_ends(cluster):
        before = sample(cluster, ALLOCATED)
        pods.create(pod("late", container(*sleep, resource=cni.RESOURCE)))
        pods.create(pod("plain", container(*sleep)))
        until(lambda: sample(cluster, ALLOCATED) > before, what="Allocate", seconds=20)
        cni._send_away(cluster)
    for name in ("late", "plain"):
        pods.wait(name, "condition=Ready")
        assert "netvsc0" not in pods.run(name, *NETDEVS)
    assert len(deferred(cluster)) == 2

    cni._call_back(cluster)
    until(lambda: "netvsc0" in pods.run("late", *NETDEVS), what="the pair to come", seconds=20)
    until(lambda: not deferred(cluster), what="the plain pod's call to go", seconds=20)
    assert len(checkpoints(cluster)) == 1
    assert "netvsc0" not in pods.run("plain", *NETDEVS)

    cluster.kubectl("delete", "pods", "late", "plain", "-n", pods.namespace, "--wait")
    until(installed.all_home, what="the pair to be home", seconds=30, pause=0.1)
