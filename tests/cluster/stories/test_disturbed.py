"""A forwarder keeps its port while the cluster around it is restarted, upgraded, drained, deaf."""

from __future__ import annotations

import random
import secrets
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from cluster.deployments import full_chart as chart
from cluster.deployments.agent_only import wait_allocatable
from cluster.deployments.sidecar_only import echoes
from cluster.deployments.simulated_nics import NICS
from cluster.harness import addresses
from cluster.stories.shared import (
    dead,
    deployment,
    held,
    lives,
    pairs,
    prepared,
    sample,
    wait,
    wait_accelerated,
    wait_home,
)
from cluster.stories.story import FORWARDER, HOME_SLOT, PAIR, Story, forwarder, timed, took

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from cluster.pods import Pods

pytestmark = pytest.mark.cluster

OTHER_SLOT = HOME_SLOT + 1
REGISTERED = 'netvsc_kubelet_registrations_total{result="accepted"}'


@pytest.fixture
def pods(cluster: Cluster, namespace: str, whole: Nics) -> Pods:
    wait_allocatable(cluster, PAIR, len(NICS))
    return prepared(cluster, namespace, whole)


@pytest.fixture
def story(cluster: Cluster, whole: Nics, pods: Pods) -> Story:
    """A forwarder that forwards, on its VF."""
    pods.start(forwarder())
    made = Story(cluster, whole, pods)
    assert made.forwards_on_vf()
    wait_accelerated(pods, "True")
    return made


def test_while_the_kubelet_is_dead_the_vf_migrates_and_the_new_kubelet_finds_all_as_it_was(
    cluster: Cluster, story: Story, pods: Pods
) -> None:
    before = lives(pods)
    known = sample(cluster, REGISTERED)
    with dead(cluster, "kubelet"):
        story.revoke()
        assert story.forwards_on_fallback()
        story.give(OTHER_SLOT)
        with timed("VF back → forwarding, without a kubelet"):
            assert story.forwards_on_vf()
        began = time.monotonic()
    wait(lambda: sample(cluster, REGISTERED) > known, "the agent to register again")
    wait_allocatable(cluster, PAIR, len(NICS))
    took("kubelet started → pairs allocatable", began)

    wait_accelerated(pods, "True")
    assert pairs(cluster)[story.vf.id]["allocation"]["pod"] == FORWARDER
    assert len(story.told("VFRevoked")) == 1
    assert lives(pods) == before


def test_an_upgrade_while_the_vf_flaps_loses_no_frame_for_good_and_counts_no_flap_twice(
    cluster: Cluster, story: Story, pods: Pods
) -> None:
    """helm gives the DaemonSet a template that it never had, so its agent is replaced."""
    before = lives(pods)
    counted: int = pairs(cluster)[story.vf.id]["revocations"]
    [agent] = cluster.get("pods", *chart.AGENTS)["items"]
    requests = {
        "resources": {
            "requests": {"cpu": f"{11 + secrets.randbelow(50)}m"},
            "limits": {"memory": "128Mi"},
        }
    }
    values = {"deviceplugin": {**chart.VALUES["deviceplugin"], **requests}}
    with timed("helm upgrade while the VF flaps"), _flapping(story) as flaps:
        chart.helm(cluster, "upgrade", values=values)

    assert story.forwards_on_vf()
    wait_accelerated(pods, "True")
    [successor] = cluster.get("pods", *chart.AGENTS)["items"]
    assert successor["metadata"]["uid"] != agent["metadata"]["uid"]
    seen = pairs(cluster)[story.vf.id]["revocations"] - counted
    print(f"{len(flaps)} flaps, {seen} counted")
    assert 0 < seen <= len(flaps)
    assert lives(pods) == before


@contextmanager
def _flapping(story: Story) -> Iterator[list[float]]:
    """Take the VF away and bring it back, at random moments, as long as the context lasts."""
    chance, over, flaps = random.Random(8), threading.Event(), list[float]()

    def flap() -> None:
        while not over.wait(chance.uniform(0.1, 0.5)):
            story.revoke()
            flaps.append(time.monotonic())
            time.sleep(chance.uniform(0, 0.3))  # how long it is away is what is tried
            story.give(HOME_SLOT)

    thread = threading.Thread(target=flap)
    thread.start()
    try:
        yield flaps
    finally:
        over.set()
        thread.join()


def test_with_the_apiserver_away_the_vf_migrates_and_it_is_told_once_afterwards(
    cluster: Cluster, story: Story, pods: Pods
) -> None:
    before = lives(pods)
    with dead(cluster, "kube-apiserver"):
        story.revoke()
        assert story.forwards_on_fallback()
        story.give(OTHER_SLOT)
        with timed("VF back → forwarding, without an apiserver"):
            assert story.forwards_on_vf()
        began = time.monotonic()

    wait(lambda: story.told("VFAddressChanged"), "the new address to be told")
    wait(lambda: story.told("VFReturned"), "the return to be told")
    took("apiserver started → all is told", began)
    wait_accelerated(pods, "True")
    for reason in ("VFRevoked", "VFReturned", "VFAddressChanged"):
        assert len(story.told(reason)) == 1, reason
    assert lives(pods) == before


def test_a_drained_node_has_all_its_pairs_at_home_and_gives_one_again_afterwards(
    cluster: Cluster, whole: Nics, pods: Pods
) -> None:
    """Our own Deployments stay: in a cluster of one node they have nowhere to go."""
    here = ("-n", pods.namespace)
    cluster.apply(deployment(forwarder()), namespace=pods.namespace)
    available = ("--for=condition=Available", f"deployment/{FORWARDER}", *here)
    cluster.kubectl("wait", *available, "--timeout=30s")
    assert len(held(whole)) == 1
    others = "--pod-selector=app.kubernetes.io/part-of!=netvsc-operator"
    options = ("--ignore-daemonsets", "--delete-emptydir-data", others, "--timeout=45s")
    try:
        with timed("drain"):
            cluster.kubectl("drain", addresses.NODE, *options)
        wait_home(whole)
        with timed("pairs at home → NetvscNode says that they are free"):
            wait(lambda: not _allocated(cluster), "NetvscNode to say that all are free")
    finally:
        cluster.kubectl("uncordon", addresses.NODE)
    with timed("uncordon → the Deployment's pod is available again"):
        cluster.kubectl("wait", *available, "--timeout=30s")
    [nic] = held(whole)
    assert echoes(cluster, nic.vf)
    cluster.kubectl("delete", "deployment", FORWARDER, *here, "--cascade=foreground")


def _allocated(cluster: Cluster) -> list[str]:
    return [name for name, one in pairs(cluster).items() if "allocation" in one]
