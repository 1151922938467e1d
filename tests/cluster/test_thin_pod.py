"""A pod written by hand with what the webhook will inject: sidecar, launcher, arguments.

It is on the node's network, where its pair is. The application is the stand-in that follows the
descriptor as DPDK's fail-safe does, and then DPDK's own testpmd.
"""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from cluster import testpmd
from cluster.harness import Start, namespaces, project
from cluster.harness.wait import until
from cluster.installed import THIN
from cluster.pods import Pods, pod
from dpdk.pod import TEMPLATE, Wire

if TYPE_CHECKING:
    from cluster.harness import Cluster
    from cluster.simulated import Nics

pytestmark = pytest.mark.cluster

SIDECAR_IMAGE = "netvsc.io/test/fdpipe-sim:1"
PIPE = "/run/netvsc/00"
TAP = "fsvsc00"
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
        "args": ["announce", "--sim", "--pair", f"00={THIN.name},{pair}", "--sysfs", tree],
        "startupProbe": {"exec": {"command": ["/fdpipe", "ready"]}, "periodSeconds": 1},
        "securityContext": LOCKED,
        "volumeMounts": [
            {"name": "netvsc", "mountPath": "/run/netvsc"},
            {"name": "simulated", "mountPath": tree, "readOnly": True},
        ],
    }


def _application(image: str, command: list[str]) -> dict[str, Any]:
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


def _pod(tree: str, application: dict[str, Any], *, pair: str) -> dict[str, Any]:
    volumes = [
        {"name": "netvsc", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "simulated", "hostPath": {"path": tree}},
        {"name": "tests", "hostPath": {"path": str(project.ROOT / "tests")}},
    ]
    return pod(
        "thin",
        application,
        initContainers=[_sidecar(tree, pair)],
        hostNetwork=True,
        volumes=volumes,
    )


def _wait_for(pods: Pods, *wanted: str) -> None:
    """The application's events so far, without the reads, are these in this order."""

    def told() -> list[str]:
        # The launcher may have had something to say before.
        lines = [line for line in pods.logs("thin") if line.startswith("{")]
        events = [json.loads(line) for line in lines]
        kept = ("plugged", "detached", "poisoned", "failed", "garbage")
        return [f"{event['event']} {event['line']}" for event in events if event["event"] in kept]

    what = f"the application to tell {wanted}, not"
    until(lambda: told() == [*wanted], what=what, seconds=20, pause=0.1)


@pytest.fixture
def sidecar_image(cluster: Cluster) -> str:
    files = {"/fdpipe": project.program("fdpipe-sim"), "/guard.so": project.program("guard.so")}
    cluster.image(SIDECAR_IMAGE, files, Start(entrypoint=["/fdpipe"]))
    return SIDECAR_IMAGE


@pytest.mark.usefixtures("sidecar_image")
def test_a_hand_written_pod_gets_its_vf_loses_it_and_has_it_back(
    cluster: Cluster, namespace: str, agent_image: str, installed: Nics
) -> None:
    pods = Pods(cluster, namespace)
    stand_in = ["/opt/netvsc/bin/python", "-m", "sim.application", "--fd", "200", "--tap", TAP]
    application = _application(agent_image, stand_in)
    pods.start(_pod(str(installed.tree.root), application, pair=f"tap={TAP}"))
    plugged, detached = f"plugged {THIN.pci}", f"detached {THIN.pci}"
    _wait_for(pods, plugged)

    installed.revoke(THIN)
    _wait_for(pods, plugged, detached)
    installed.give(THIN)
    _wait_for(pods, plugged, detached, plugged)

    assert _restarts(pods) == [0, 0]


@pytest.mark.usefixtures("sidecar_image")
def test_testpmd_forwards_over_the_vf_then_without_it_then_over_it_again(
    cluster: Cluster, namespace: str, installed: Nics
) -> None:
    cluster.image(testpmd.IMAGE, testpmd.files())
    pods = Pods(cluster, namespace)
    application = _application(testpmd.IMAGE, testpmd.command(THIN.name))
    pods.start(_pod(str(installed.tree.root), application, pair=f"template={TEMPLATE}"))
    assert _echoes(cluster, THIN.vf)

    installed.revoke(THIN)
    assert _echoes(cluster, THIN.name)
    installed.give(THIN)
    assert _echoes(cluster, THIN.vf)

    assert _restarts(pods) == [0, 0]


def _echoes(cluster: Cluster, netdev: str) -> bool:
    """Whether frames that reach a netdev come back with their addresses swapped."""
    with namespaces.network(cluster.node.pid):
        wire = Wire(socket.if_nametoindex(f"{netdev}-far"))
    with wire:
        return wire.echoes()


def _restarts(pods: Pods) -> list[int]:
    status = pods.get("thin")["status"]
    both = [*status["containerStatuses"], *status["initContainerStatuses"]]
    return [found["restartCount"] for found in both]
