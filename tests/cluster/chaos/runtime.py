"""The container runtime's own word on the sandboxes of pods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cluster.harness import addresses

if TYPE_CHECKING:
    from cluster.harness import Cluster

_LABEL = "io.kubernetes.pod"


def networks(cluster: Cluster, namespace: str) -> set[str]:
    """The uids of the namespace's pods whose sandbox has its network namespace yet.

    Of one that was stopped the record stays until the kubelet sweeps; its network does not.
    """
    ctr = [str(cluster.layout.tools / "ctr"), "--address", addresses.CONTAINERD]
    containers = [*ctr, "--namespace", "k8s.io", "containers"]
    wanted = f'labels."{_LABEL}.namespace"=={namespace},labels."io.cri-containerd.kind"==sandbox'
    names = {*cluster.node.run(["ls", "/run/netns"]).stdout.decode().split()}
    found = set[str]()
    for one in cluster.node.run([*containers, "list", "--quiet", wanted]).stdout.split():
        told = cluster.node.run([*containers, "info", one.decode()], check=False)
        if told.returncode == 0:  # else it has gone since
            sandbox = json.loads(told.stdout)
            spaces = sandbox["Spec"]["linux"]["namespaces"]
            if any(space.get("path", "").rpartition("/")[2] in names for space in spaces):
                found.add(sandbox["Labels"][f"{_LABEL}.uid"])
    return found
