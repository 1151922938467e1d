"""The whole chart: installed, proven, upgraded, refused to go, gone, and back."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from cluster.deployments import full_chart as chart
from cluster.deployments.agent_only import wait_allocatable
from cluster.deployments.simulated_nics import NICS
from cluster.harness import ClusterError, addresses, config
from cluster.harness.wait import until
from cluster.pods import Pods, container, pod

if TYPE_CHECKING:
    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

CRD = "netvscnodes.netvsc.io"
# Made and unmade by the cluster all the time.
_RESTLESS = re.compile(r"^(event|lease|pod|endpoints|endpointslice|componentstatus)[./]")
# The two kinds, what was said of nodes, and what every namespace has.
_KEPT = re.compile(
    r"netvsc(nodes|pools)\.netvsc\.io$|^netvscnode\.|^apiservice\..*/v1alpha1\.netvsc\.io$"
    r"|^namespace/|/default$|kube-root"
)


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> set[str]:
    """Everything that is in the cluster when nothing of us is."""
    return _everything(cluster)


@pytest.fixture(scope="module")
def nics(before: set[str], request: pytest.FixtureRequest) -> Nics:
    assert before
    made: Nics = request.getfixturevalue("whole")
    return made


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    return Pods(cluster, namespace)


def _everything(cluster: Cluster) -> set[str]:
    kinds = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    told = cluster.kubectl("get", ",".join(kinds), "-A", "-o", "name", "--ignore-not-found")
    return {name for name in told.split() if not _RESTLESS.match(name)}


def _holder(name: str) -> dict[str, Any]:
    """A pod that has a pair and no DPDK."""
    serves_itself = {"annotations": {"netvsc.io/mode": "none"}}
    main = container("main", "sleep", "infinity", resource="netvsc.io/pair")
    return pod(name, main, metadata=serves_itself)


def test_helm_test_proves_a_pair_end_to_end_and_gives_it_back(cluster: Cluster, nics: Nics) -> None:
    said = cluster.helm("test", "netvsc", *chart.WHERE)

    assert re.search(r"TEST SUITE:\s+netvsc-proves-a-pair", said)
    assert re.search(r"Phase:\s+Succeeded", said)
    until(nics.all_home, what="the pair to be home", seconds=20)


def test_an_upgrade_brings_the_crds_along_and_leaves_pods_with_pairs_alone(
    cluster: Cluster, nics: Nics, pods: Pods
) -> None:
    assert nics
    pods.start(_holder("holder"))
    started = pods.status("holder", "main")["containerID"]
    column = "/spec/versions/0/additionalPrinterColumns"
    cut = json.dumps([{"op": "remove", "path": column}])
    cluster.kubectl("patch", "crd", CRD, "--type=json", "-p", cut)

    values = {"deviceplugin": {**chart.VALUES["deviceplugin"], "maxUnavailable": 2, "port": 9480}}
    chart.helm(cluster, "upgrade", values=values)

    versions = cluster.get("crd", CRD)["spec"]["versions"]
    assert [one["name"] for one in versions[0]["additionalPrinterColumns"]]
    assert pods.status("holder", "main")["containerID"] == started
    wait_allocatable(cluster, "netvsc.io/pair", len(NICS))


def test_an_uninstall_is_refused_naming_the_pods_and_then_leaves_nothing_but_the_crds(
    cluster: Cluster, nics: Nics, pods: Pods, before: set[str]
) -> None:
    chart.helm(cluster, "upgrade", values={"uninstall": {"timeoutSeconds": 10}})
    pods.start(_holder("holder"))

    with pytest.raises(ClusterError, match=f"pod {pods.namespace}/holder"):
        chart.uninstall(cluster, waiting=False)

    assert "netvsc-cni" in cluster.node.read(f"/{config.CONFLIST}")
    last = json.loads(cluster.helm("history", "netvsc", "-o", "json", *chart.WHERE[:2]))[-1]
    cluster.helm("rollback", "netvsc", str(last["revision"]), "--wait", *chart.WHERE)
    assert not cluster.get("netvscnode", addresses.NODE)["spec"]["uninstall"]

    cluster.kubectl("delete", "pod", "holder", "-n", pods.namespace, "--wait")
    chart.uninstall(cluster)

    left = {name for name in _everything(cluster) - before if not _KEPT.search(name)}
    assert left == set()
    assert json.loads(cluster.node.read(f"/{config.CONFLIST}")) == json.loads(config.conflist())
    assert "netvsc-cni" not in cluster.node.run(["ls", "/opt/cni/bin"]).stdout.decode()
    assert nics.all_home()


def test_after_an_uninstall_it_can_be_installed_again(
    cluster: Cluster, nics: Nics, pods: Pods
) -> None:
    assert nics
    chart.helm(cluster, "install")

    pods.start(_holder("holder"))

    assert "netvsc0" in pods.run("holder", "ls", "/sys/class/net")
