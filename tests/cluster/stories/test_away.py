"""Parts of ours that are away keep nobody waiting but those who ask for a pair."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from cluster.deployments.agent_only import wait_allocatable
from cluster.deployments.simulated_nics import NICS
from cluster.harness import addresses
from cluster.pods import container, pod
from cluster.stories.shared import (
    WEBHOOK,
    agent_away,
    away,
    condition,
    deployment,
    prepared,
    refusal,
    wait,
    wait_home,
)
from cluster.stories.story import PAIR, timed, took

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from cluster.pods import Object, Pods

pytestmark = pytest.mark.cluster

# An address that no network has: the apiserver's rules look at its characters alone.
BAD = {"selector": {"subnets": ["999.1.2.0/24"]}}


@pytest.fixture
def pods(cluster: Cluster, namespace: str, whole: Nics) -> Pods:
    return prepared(cluster, namespace, whole)


def _holder(name: str) -> Object:
    """A pod that has a pair and no DPDK."""
    metadata = {"annotations": {"netvsc.io/mode": "none"}}
    main = container("main", "sleep", "infinity", resource=PAIR)
    return pod(name, main, metadata=metadata)


def test_with_webhook_and_agent_away_a_pod_without_pairs_starts(
    cluster: Cluster, whole: Nics, pods: Pods
) -> None:
    with away(cluster, WEBHOOK), agent_away(cluster):
        with timed("plain pod created → Ready, webhook and agent away"):
            pods.start(pod("plain", container("main", "sleep", "infinity")))
        cluster.kubectl("delete", "pod", "plain", "-n", pods.namespace, "--wait")

    wait_allocatable(cluster, PAIR, len(NICS))
    assert whole.all_home()


def test_without_the_webhook_a_bare_pod_is_refused_and_a_deployments_comes_later(
    cluster: Cluster, whole: Nics, pods: Pods
) -> None:
    here = ("-n", pods.namespace)
    with away(cluster, WEBHOOK):
        said = refusal(lambda: pods.create(_holder("bare")))
        assert 'failed calling webhook "pods.netvsc.io"' in said
        assert "netvsc-webhook" in said
        cluster.apply(deployment(_holder("later")), namespace=pods.namespace)
        failure = "--for=condition=ReplicaFailure"
        cluster.kubectl("wait", failure, "deployment/later", *here, "--timeout=20s")
        assert "pods.netvsc.io" in _why(cluster, pods)
        assert cluster.get("pods", *here)["items"] == []
        back = time.monotonic()

    available = ("--for=condition=Available", "deployment/later", *here)
    cluster.kubectl("wait", *available, "--timeout=45s")
    took("webhook wanted again → the Deployment's pod is available", back)
    cluster.kubectl("delete", "deployment", "later", *here)
    cluster.kubectl("wait", "--for=delete", "pods", "-l", "app=later", *here, "--timeout=30s")
    wait_home(whole)


def _why(cluster: Cluster, pods: Pods) -> str:
    made = cluster.get("deployment", "later", "-n", pods.namespace)
    said: str = condition(made, "ReplicaFailure")["message"]
    return said


def test_a_bad_pool_is_refused_at_the_door_and_past_it_changes_nothing(
    cluster: Cluster, whole: Nics, pods: Pods
) -> None:
    """The apiserver's own rules and the webhook name the field; the controller keeps what was."""
    assert whole.all_home()
    node = ("netvscnode", addresses.NODE)
    before = cluster.get(*node)["spec"]

    said = refusal(lambda: _change(cluster, {"unhealthyAfter": "soon"}))
    assert "write never, or a time such as 90s or 5m" in said
    said = refusal(lambda: _change(cluster, {"interfacePrefix": "eth"}))
    assert "spec.interfacePrefix" in said
    assert "eth0 is taken in pods" in said

    with _bad_pool(cluster):
        assert cluster.get(*node)["spec"] == before
        wait_allocatable(cluster, PAIR, len(NICS))
        pods.start(_holder("holder"))
    assert cluster.get(*node)["spec"] == before


@contextmanager
def _bad_pool(cluster: Cluster) -> Iterator[None]:
    """A pool that came while no webhook could look at it, and is taken back."""
    with away(cluster, WEBHOOK):
        _change(cluster, BAD)
    try:
        told = wait(lambda: _judged(cluster, "False"), "the pool to be refused")
        assert "selector.subnets" in told["message"]
        yield
    finally:
        _change(cluster, {"selector": None})
        wait(lambda: _judged(cluster, "True"), "the pool to be accepted again")


def _change(cluster: Cluster, spec: dict[str, Any]) -> None:
    change = json.dumps({"spec": spec})
    cluster.kubectl("patch", "netvscpool", "pair", "--type=merge", "-p", change)


def _judged(cluster: Cluster, truth: str) -> Object | None:
    """The condition, if it is about the pool as it is written now and says so."""
    pool = cluster.get("netvscpool", "pair")
    if pool["status"].get("observedGeneration") != pool["metadata"]["generation"]:
        return None
    told = condition(pool, "Accepted")
    return told if told.get("status") == truth else None
