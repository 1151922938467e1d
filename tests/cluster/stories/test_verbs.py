"""The host gives uverbs numbers to other VFs at their return: an application must not be misled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cluster import verbs
from cluster.deployments import full_chart as chart
from cluster.deployments.agent_only import TAG as PLAIN
from cluster.deployments.agent_only import wait_allocatable
from cluster.deployments.simulated_nics import NICS
from cluster.harness import addresses
from cluster.stories.shared import WEBHOOK, notes, pairs, prepared, sample, wait, wait_accelerated
from cluster.stories.story import HOME_SLOT, PAIR, Story, forwarder, seated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from cluster.pods import Pods

pytestmark = pytest.mark.cluster

ONE, TWO, _ = NICS
OTHER_SLOT = HOME_SLOT + 1
TAG = "verbs"
NAME = "app.kubernetes.io/name"
MISMATCH = f'netvsc_verbs_mismatch{{pair="{ONE.id}"}}'


@pytest.fixture(scope="module")
def nics(cluster: Cluster, whole: Nics) -> Iterator[Nics]:
    """The same NICs, with verbs devices; agent and sidecar look at trees that show them."""
    chart.load_sidecar(cluster, tag=TAG, vf=verbs.with_verbs)
    plain = whole.tree
    with verbs.devices(cluster) as tree:
        whole.tree = tree
        agent = {"deviceplugin": {"extraArgs": ["--sim", verbs.TREE], "imds": "off"}}
        sidecar = {"fdpipe": {"repository": chart.SIDECAR, "tag": TAG}}
        chart.helm(cluster, "upgrade", values=agent | sidecar)
        wait(lambda: _webhooks(cluster) == {TAG}, "the webhooks of before to be gone")
        yield whole
        whole.tree = plain
        chart.helm(cluster, "upgrade")
        wait(lambda: _webhooks(cluster) == {PLAIN}, "the webhooks of these stories to be gone")


def _webhooks(cluster: Cluster) -> set[str]:
    """The tags that webhooks inject: helm does not wait for those that are on their way out."""
    found = cluster.get("pods", "-n", chart.NAMESPACE, "-l", f"{NAME}={WEBHOOK}")["items"]
    words = [word for one in found for word in one["spec"]["containers"][0]["args"]]
    return {word.rpartition(":")[2] for word in words if word.startswith("--fdpipe-image=")}


@pytest.fixture
def pods(cluster: Cluster, namespace: str, nics: Nics) -> Pods:
    wait_allocatable(cluster, PAIR, len(NICS))
    return prepared(cluster, namespace, nics)


def _permuted(nics: Nics, story: Story, slot: int) -> None:
    """Both VFs go and come back, to slots in which they have other numbers than before."""
    before = OTHER_SLOT if slot == HOME_SLOT else HOME_SLOT
    story.revoke()
    nics.revoke(seated(TWO, before))
    nics.give(seated(TWO, slot))
    story.give(slot)


def test_own_verbs_a_vf_with_anothers_number_is_withheld_until_it_has_its_own_again(
    cluster: Cluster, nics: Nics, pods: Pods
) -> None:
    pods.start(forwarder())
    story = Story(cluster, nics, pods)
    assert story.vf.id == ONE.id
    assert story.forwards_on_vf()
    wait_accelerated(pods, "True")

    _permuted(nics, story, OTHER_SLOT)
    wait_accelerated(pods, "False", "VerbsMismatch")
    [said] = wait(lambda: notes(cluster, pods.namespace, "VerbsMismatch"), "an event")
    assert "the VF has uverbs1" in said
    assert f"was given uverbs0 (now of {TWO.id})" in said
    assert sample(cluster, MISMATCH) == 1
    assert story.forwards_on_fallback()

    _permuted(nics, story, HOME_SLOT)
    assert story.forwards_on_vf()
    wait_accelerated(pods, "True")
    assert sample(cluster, MISMATCH) == 0
    assert story.same_application()


@pytest.fixture
def shared(cluster: Cluster, pods: Pods) -> Iterator[Pods]:
    """Containers are given the verbs devices of their whole pool."""
    _give_verbs(cluster, "pool")
    yield pods
    _give_verbs(cluster, "own")


def _give_verbs(cluster: Cluster, whose: str) -> None:
    what = json.dumps({"spec": {"verbs": whose}})
    cluster.kubectl("patch", "netvscpool", "pair", "--type=merge", "-p", what)
    node = ("netvscnode", addresses.NODE)
    wait(
        lambda: cluster.get(*node)["spec"]["pools"][0]["verbs"] == whose,
        f"the pool's verbs: {whose} on the node",
    )


def test_a_pools_verbs_the_application_goes_on_with_the_other_number(
    cluster: Cluster, nics: Nics, shared: Pods
) -> None:
    pods = shared
    pods.start(forwarder())
    story = Story(cluster, nics, pods)
    given = wait(lambda: pairs(cluster)[ONE.id].get("allocation"), "the pair to be the pod's")
    assert given["verbs"] == ["uverbs0", "uverbs1", "uverbs2"]

    for slot in (OTHER_SLOT, HOME_SLOT):
        _permuted(nics, story, slot)
        assert story.forwards_on_vf()
        wait_accelerated(pods, "True")
    assert notes(cluster, pods.namespace, "VerbsMismatch") == []
    assert story.same_application()
