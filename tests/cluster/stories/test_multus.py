"""A pair by Multus: under the name that the pod's annotation asks for, with its device named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cluster import multus
from cluster.deployments import full_chart as chart
from cluster.deployments.simulated_nics import NICS
from cluster.harness import config
from cluster.pods import container, pod
from cluster.stories.shared import prepared, wait_home
from cluster.stories.story import HOME_SLOT, PAIR, Story, forwarder, timed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from cluster.pods import Pods

pytestmark = pytest.mark.cluster

STATIC = {"type": "static", "addresses": [{"address": "10.9.8.7/24"}]}


@pytest.fixture(scope="module")
def nics(cluster: Cluster, whole: Nics) -> Iterator[Nics]:
    """Our agent serves Multus and is in no list; `helm upgrade` is how people change that."""
    chart.helm(cluster, "upgrade", values={"cni": {"mode": "served"}})
    with multus.multus(cluster):
        yield whole
    chart.helm(cluster, "upgrade")


@pytest.fixture
def pods(cluster: Cluster, namespace: str, nics: Nics) -> Pods:
    plugin = {"type": "netvsc-cni", "ipam": STATIC}
    cluster.apply(multus.attachment("fast", resource=PAIR, plugin=plugin), namespace=namespace)
    return prepared(cluster, namespace, nics)


def _asks_multus(name: str, networks: str) -> dict[str, Any]:
    """The application of this pod serves itself: what is tried is the way of the netdevs."""
    metadata = {"annotations": {multus.NETWORKS: networks, "netvsc.io/mode": "none"}}
    return pod(name, container("main", "sleep", "infinity", resource=PAIR), metadata=metadata)


def test_served_for_multus_the_agent_is_in_no_list_of_the_runtime(
    cluster: Cluster, nics: Nics
) -> None:
    assert nics.all_home()
    assert "netvsc-cni" not in cluster.node.read(f"/{config.CONFLIST}")
    assert "netvsc-cni" in cluster.node.run(["ls", "/opt/cni/bin"]).stdout.decode()


@pytest.mark.parametrize(("networks", "inside"), [("fast", "net1"), ("fast@dpdk0", "dpdk0")])
def test_a_pod_gets_its_pair_under_multuss_name_with_the_networks_address(
    cluster: Cluster, nics: Nics, pods: Pods, networks: str, inside: str
) -> None:
    with timed(f"created → Ready by Multus as {inside}"):
        pods.start(_asks_multus("holder", networks))

    mac = pods.run("holder", "cat", f"/sys/class/net/{inside}/address").strip()
    [nic] = [nic for nic in NICS if nic.mac == mac]
    assert pods.run("holder", "cat", f"/sys/class/net/{nic.vf}/address").strip() == mac
    assert "10.9.8.7/24" in pods.run("holder", "ip", "address", "show", inside)
    assert not {nic.name, nic.vf} & nics.on_host().keys()
    attached = _network_status(pods, inside)
    assert attached["device-info"]["pci"]["pci-address"] == nic.pci

    cluster.kubectl("delete", "pod", "holder", "-n", pods.namespace, "--wait")
    wait_home(nics)


def test_a_forwarder_that_asks_multus_for_the_injected_name_survives_a_migration(
    cluster: Cluster, nics: Nics, pods: Pods
) -> None:
    """What the webhook injects speaks of netvsc0, so that is what Multus is asked to call it."""
    made = forwarder()
    made["metadata"]["annotations"] = {multus.NETWORKS: "fast@netvsc0"}
    pods.start(made)
    story = Story(cluster, nics, pods)
    assert story.forwards_on_vf()

    story.revoke()
    assert story.forwards_on_fallback()
    story.give(HOME_SLOT)
    with timed("VF back → forwarding, in a pod of Multus"):
        assert story.forwards_on_vf()
    assert story.same_application()


def test_a_pod_without_networks_of_multus_has_the_primary_one_alone(nics: Nics, pods: Pods) -> None:
    pods.start(pod("plain", container("main", "sleep", "infinity")))

    assert sorted(pods.run("plain", "ls", "/sys/class/net").split()) == ["eth0", "lo"]
    assert nics.all_home()


def _network_status(pods: Pods, interface: str) -> dict[str, Any]:
    several = json.loads(pods.get("holder")["metadata"]["annotations"][multus.STATUS])
    found: dict[str, Any] = next(one for one in several if one.get("interface") == interface)
    return found
