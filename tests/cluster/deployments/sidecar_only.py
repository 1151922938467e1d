"""A pod as the webhook will write it: sidecar, launcher, arguments, and a simulated pair."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from cluster.harness import Start, namespaces, project
from cluster.pods import pod
from dpdk.pod import Wire

if TYPE_CHECKING:
    from cluster.harness import Cluster
    from cluster.pods import Pods

SIDECAR_IMAGE = "netvsc.io/test/fdpipe-sim:1"
PIPE = "/run/netvsc/00"
LOCKED = {
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def _sidecar(tree: str, pair: str) -> dict[str, Any]:
    return {
        "name": "netvsc-fdpipe",
        "image": SIDECAR_IMAGE,
        "restartPolicy": "Always",
        "args": ["announce", "--sim", "--pair", f"00={pair}", "--sysfs", tree],
        "startupProbe": {"exec": {"command": ["/fdpipe", "ready"]}, "periodSeconds": 1},
        "securityContext": LOCKED,
        "volumeMounts": [
            {"name": "netvsc", "mountPath": "/run/netvsc"},
            {"name": "simulated", "mountPath": tree, "readOnly": True},
        ],
    }


def application(image: str, command: list[str]) -> dict[str, Any]:
    launcher = ["/run/netvsc/bin/fdpipe", "exec", "--fd", f"200={PIPE}", "--"]
    return {
        "name": "main",
        "image": image,
        "command": [*launcher, *command],
        "stdin": True,  # testpmd ends where its standard input does
        "env": [{"name": "PYTHONPATH", "value": "/tests"}],
        "resources": {"limits": {"netvsc.io/thin": 1}},
        "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
        "volumeMounts": [
            {"name": "netvsc", "mountPath": "/run/netvsc", "readOnly": True},
            {"name": "tests", "mountPath": "/tests", "readOnly": True},
        ],
    }


def thin_pod(tree: str, container: dict[str, Any], *, pair: str, **more: Any) -> dict[str, Any]:
    """`pair` is the NetVSC's name in the pod and what else the sidecar must know of it."""
    volumes = [
        {"name": "netvsc", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "simulated", "hostPath": {"path": tree}},
        {"name": "tests", "hostPath": {"path": str(project.ROOT / "tests")}},
    ]
    return pod(
        "thin",
        container,
        initContainers=[_sidecar(tree, pair)],
        volumes=volumes,
        **more,
    )


def load_sidecar(cluster: Cluster) -> None:
    files = {"/fdpipe": project.program("fdpipe-sim"), "/guard.so": project.program("guard.so")}
    cluster.image(SIDECAR_IMAGE, files, Start(entrypoint=["/fdpipe"]))


def echoes(cluster: Cluster, netdev: str) -> bool:
    """Whether frames that reach a netdev come back with their addresses swapped."""
    with namespaces.network(cluster.node.pid):
        wire = Wire(socket.if_nametoindex(f"{netdev}-far"))
    with wire:
        return wire.echoes()


def restarts(pods: Pods) -> list[int]:
    status = pods.get("thin")["status"]
    both = [*status["containerStatuses"], *status["initContainerStatuses"]]
    return [found["restartCount"] for found in both]
