"""The agent on the cluster without its operator: the node's pairs, the chart and its values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cluster.deployments.simulated_nics import NICS, Nics
from cluster.harness import addresses, project
from cluster.harness.wait import until

if TYPE_CHECKING:
    from cluster.harness import Cluster

REPOSITORY, TAG = "netvsc.io/netvsc-operator", "test"
*SHARED, THIN = NICS
POOLS = [
    {"name": "pair", "selector": {"interfaces": [nic.name for nic in SHARED]}},
    {"name": "thin", "selector": {"interfaces": [THIN.name]}},
]
VALUES = {
    "image": {"repository": REPOSITORY, "tag": TAG},
    "operator": {"enabled": False},
    "deviceplugin": {"extraArgs": ["--sim"], "pools": POOLS},
}
AGENTS = ("-n", "kube-system", "-l", "app.kubernetes.io/name=netvsc-deviceplugin")
WHERE = ("--namespace", "kube-system", "--wait", "--timeout", "60s")


def load_agent(cluster: Cluster) -> str:
    name = f"{REPOSITORY}:{TAG}"
    cluster.load(project.image(cluster.layout, "agent", name))
    return name


def install(cluster: Cluster) -> Nics:
    """Give the node its pairs and install the chart of this tree; the image must be loaded."""
    nics = Nics(cluster)
    nics.add()
    chart = str(project.ROOT / "charts/netvsc-operator")
    values = cluster.layout.run / "values.json"
    values.write_text(json.dumps(VALUES))
    cluster.helm("install", "netvsc", chart, "--values", str(values), *WHERE)
    wait_allocatable(cluster, "netvsc.io/pair", len(SHARED))
    return nics


def uninstall(cluster: Cluster) -> None:
    """As docs/cni.md has it: no pod has a pair, then the chart goes, then our place in the list."""
    # A pod without a grace period is gone from the API before the runtime has taken it down.
    until(lambda: not checkpoints(cluster), what="the last pair to be home", seconds=30, pause=0.1)
    cluster.helm("uninstall", "netvsc", *WHERE)
    program = str(project.ROOT / ".venv/bin/netvsc-deviceplugin")
    cluster.node.run([program, "cni", "uninstall"])


def checkpoints(cluster: Cluster) -> list[str]:
    """The containers that have pairs, as the agent wrote down before it moved them."""
    # Before the first there is no folder.
    listed = cluster.node.run(["ls", "/run/netvsc/containers"], check=False)
    return listed.stdout.decode().split()


def wait_allocatable(cluster: Cluster, resource: str, wanted: int) -> None:
    def there() -> bool:
        allocatable = cluster.get("node", addresses.NODE)["status"]["allocatable"]
        return int(allocatable.get(resource, "0")) == wanted

    until(there, what=f"{wanted} of {resource} to be allocatable", seconds=30, pause=0.1)
