"""All of the project on the cluster, as people install it; only the NICs are simulated."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.deployments.agent_only import REPOSITORY, TAG, checkpoints, wait_allocatable
from cluster.deployments.simulated_nics import NICS, Nics
from cluster.harness import Start, project
from cluster.harness.images import libraries
from cluster.harness.wait import until
from dpdk.pod import TEMPLATE
from sim.kernel.systree import PciFacts, SysTree

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.deployments.simulated_nics import Nic
    from cluster.harness import Cluster

NAMESPACE = "netvsc-system"
CHART = str(project.ROOT / "charts/netvsc-operator")
AGENTS = ("-n", NAMESPACE, "-l", "app.kubernetes.io/name=netvsc-deviceplugin")
WHERE = ("--namespace", NAMESPACE, "--timeout", "90s")
SIDECAR = "netvsc.io/fdpipe"
# The drivers of the pair's two halves that a kernel without Hyper-V and a test machine's have.
POOL = {"devargsTemplate": TEMPLATE, "fallback": "af_packet"}
VALUES: dict[str, Any] = {
    "image": {"repository": REPOSITORY, "tag": TAG},
    "fdpipe": {"repository": SIDECAR, "tag": TAG},
    "pool": {"spec": POOL},
    "deviceplugin": {"extraArgs": ["--sim"], "imds": "off"},
}
# The webhook writes `announce …`: what a simulation needs beside it stands in the image.
_WRAPPER = 'verb=$1; shift; exec /fdpipe "$verb" --sim --sysfs /simulated "$@"'


def _plain(nic: Nic, slot: int) -> PciFacts:
    return PciFacts(address=nic.pci_at(slot), driver="sim")


def load_sidecar(
    cluster: Cluster,
    *,
    tag: str = TAG,
    vf: Callable[[Nic, int], PciFacts] = _plain,
    program: Callable[[str], Path] = project.program,
) -> None:
    """The sidecar's simulation, in an image that the shipped one's arguments start.

    `vf` tells what device a NIC has in a slot, `program` where fdpipe's builds are.
    """
    busybox = cluster.layout.packages / "busybox/bin/busybox"
    with tempfile.TemporaryDirectory() as folder:
        files = {
            "/fdpipe": program("fdpipe-sim"),
            "/guard.so": program("guard.so"),
            "/bin/sh": busybox,
            "/simulated": _tree(Path(folder), vf),
            **libraries(busybox),
        }
        start = Start(entrypoint=["/bin/sh", "-c", _WRAPPER, "fdpipe"])
        cluster.image(f"{SIDECAR}:{tag}", files, start)


def _tree(root: Path, vf: Callable[[Nic, int], PciFacts]) -> Path:
    """Every VF that may come: an image cannot change while its container runs."""
    root.chmod(0o755)  # the sidecar is not root
    tree = SysTree(root)
    for nic in NICS:
        tree.add_netvsc(nic.guid)
        for slot in range(2, 10):
            tree.add_pci(vf(nic, slot))
    return tree.root


def helm(cluster: Cluster, verb: str, *more: str, values: dict[str, Any] | None = None) -> str:
    """`helm install` or `upgrade` with the values of the tests, some of them changed."""
    file = cluster.layout.run / "whole.json"
    file.write_text(json.dumps({**VALUES, **(values or {})}))
    return cluster.helm(verb, "netvsc", CHART, "--values", str(file), "--wait", *WHERE, *more)


def install(cluster: Cluster) -> Nics:
    """The agent's image must be loaded."""
    nics = Nics(cluster)
    nics.add()
    load_sidecar(cluster)
    helm(cluster, "install", "--create-namespace")
    wait_allocatable(cluster, "netvsc.io/pair", len(NICS))
    return nics


def uninstall(cluster: Cluster, *, waiting: bool = True) -> str:
    """`waiting`: until no pair is out. Else the chart refuses while one is."""
    # A pod without a grace period is gone from the API before the runtime has taken it down.
    if waiting:
        until(
            lambda: not checkpoints(cluster), what="the last pair to be home", seconds=30, pause=0.1
        )
    return cluster.helm("uninstall", "netvsc", "--wait", *WHERE)
