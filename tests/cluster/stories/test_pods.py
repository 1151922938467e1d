"""Pods of other shapes: two pairs, two pools, an image whose entry point is the application."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cluster import testpmd
from cluster.deployments import full_chart as chart
from cluster.deployments.agent_only import wait_allocatable
from cluster.deployments.sidecar_only import echoes
from cluster.deployments.simulated_nics import NICS
from cluster.harness import Start
from cluster.harness.images import libraries
from cluster.pods import container, pod
from cluster.stories.shared import held, lives, pairs, prepared, wait_accelerated, wait_home
from cluster.stories.story import FORWARDER, HOME_SLOT, PAIR, Story, forwarder, timed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from cluster.pods import Object, Pods

pytestmark = pytest.mark.cluster

LAB = "netvsc.io/lab"
WITH_SHELL = "netvsc.io/test/testpmd-with-shell:1"
*_, LAST = NICS


@pytest.fixture
def pods(cluster: Cluster, namespace: str, whole: Nics) -> Pods:
    return prepared(cluster, namespace, whole)


def test_a_pod_with_two_pairs_loses_one_and_forwards_on_the_other_as_before(
    cluster: Cluster, whole: Nics, pods: Pods
) -> None:
    made = forwarder(pairs=2)
    made["spec"]["containers"][0]["args"].append("--port-topology=loop")
    with timed("created → Ready with two pairs"):
        pods.start(made)
    one, two = held(whole)
    assert echoes(cluster, one.vf)
    assert echoes(cluster, two.vf)
    wait_accelerated(pods, "True")
    before = lives(pods)

    whole.revoke(two)
    told = wait_accelerated(pods, "False")
    assert told["reason"] == "VFRevoked"
    assert "netvsc1" in told["message"]
    assert "netvsc0" not in told["message"]
    assert echoes(cluster, two.name)
    assert echoes(cluster, one.vf)

    whole.revoke(one)
    assert echoes(cluster, one.name)
    for nic in (two, one):
        whole.give(nic)
    with timed("both back → forwarding on both"):
        assert echoes(cluster, one.vf)
        assert echoes(cluster, two.vf)
    wait_accelerated(pods, "True")
    assert lives(pods) == before


@pytest.fixture
def lab(cluster: Cluster, whole: Nics) -> Iterator[str]:
    """A second pool, which takes the last NIC before the chart's own does."""
    assert whole
    takes = {"priority": 10, "selector": {"macs": [LAST.mac]}}
    spec = {**chart.POOL, **takes, "interfacePrefix": "lab"}
    made = {"apiVersion": "netvsc.io/v1alpha1", "kind": "NetvscPool", "metadata": {"name": "lab"}}
    cluster.apply({**made, "spec": spec})
    with timed("pool applied → allocatable"):
        wait_allocatable(cluster, LAB, 1)
    wait_allocatable(cluster, PAIR, len(NICS) - 1)
    yield LAB
    cluster.kubectl("delete", "netvscpool", "lab", "--ignore-not-found")


def test_a_container_has_a_pair_of_each_of_two_pools_under_names_of_their_own(
    cluster: Cluster, whole: Nics, pods: Pods, lab: str
) -> None:
    """The application prints what it is given; a pool that goes keeps the pair that is in use."""
    words = ("sh", "-c", 'printf "%s\\n" "$@"; sleep infinity', "sh", "$(NETVSC_EAL_ARGS)")
    resources = {"limits": {PAIR: "1", lab: "1"}}
    pods.start(pod("both", container("main", *words, resources=resources)))

    inside = pods.run("both", "ls", "/sys/class/net").split()
    assert {"netvsc0", "lab0"} <= {*inside}
    assert pods.run("both", "cat", "/sys/class/net/lab0/address").strip() == LAST.mac
    ports = [line for line in pods.logs("both") if line.startswith("--vdev=net_failsafe")]
    assert [("iface=netvsc0" in port, "iface=lab0" in port) for port in ports] in (
        [(True, False), (False, True)],
        [(False, True), (True, False)],
    )
    said = json.loads(pods.run("both", "sh", "-c", 'echo "$NETVSC_PAIRS_NETVSC_IO_LAB"'))
    assert [one["mac"] for one in said] == [LAST.mac]

    cluster.kubectl("delete", "netvscpool", "lab")
    cluster.kubectl("delete", "pod", "both", "-n", pods.namespace, "--wait")
    wait_home(whole)
    wait_allocatable(cluster, PAIR, len(NICS))
    assert {one["pool"] for one in pairs(cluster).values()} == {"pair"}


def test_an_image_without_a_command_is_served_by_exec_and_survives_a_migration(
    cluster: Cluster, whole: Nics, pods: Pods
) -> None:
    """The image has the shell that fail-safe's exec() needs, and nothing of ours."""
    busybox = cluster.layout.packages / "busybox/bin/busybox"
    files = {**testpmd.files(), "/bin/sh": busybox, **libraries(busybox)}
    cluster.image(WITH_SHELL, files, Start(entrypoint=["dpdk-testpmd"]))
    pods.start(_by_entry_point())
    main = pods.get(FORWARDER)["spec"]["containers"][0]
    assert "command" not in main
    assert any("exec(/run/netvsc/bin/fdpipe,vf,00)" in word for word in main["args"])

    story = Story(cluster, whole, pods)
    assert story.forwards_on_vf()
    story.wait_condition("True")
    story.revoke()
    assert story.forwards_on_fallback()
    story.wait_condition("False")
    for slot in (HOME_SLOT + 1, HOME_SLOT):
        story.give(slot)
        with timed(f"back in slot {slot} → forwarding, exec mode"):
            assert story.forwards_on_vf()
        story.wait_condition("True")
        if slot != HOME_SLOT:
            story.revoke()
    assert story.same_application()


def _by_entry_point() -> Object:
    made: dict[str, Any] = forwarder()
    [main] = made["spec"]["containers"]
    del main["command"]
    main["image"] = WITH_SHELL
    return made
