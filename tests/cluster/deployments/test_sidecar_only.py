"""A pod written by hand with what the webhook will inject: sidecar, launcher, arguments.

It is on the node's network, where its pair is. The application is the stand-in that follows the
descriptor as DPDK's fail-safe does, and then DPDK's own testpmd.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cluster import testpmd
from cluster.deployments.agent_only import THIN
from cluster.deployments.sidecar_only import (
    SIDECAR_IMAGE,
    application,
    echoes,
    load_sidecar,
    restarts,
    thin_pod,
)
from cluster.harness.wait import until
from cluster.pods import Pods
from dpdk.pod import TEMPLATE

if TYPE_CHECKING:
    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

TAP = "fsvsc00"


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
    load_sidecar(cluster)
    return SIDECAR_IMAGE


@pytest.mark.usefixtures("sidecar_image")
def test_a_hand_written_pod_gets_its_vf_loses_it_and_has_it_back(
    cluster: Cluster, namespace: str, agent_image: str, installed: Nics
) -> None:
    pods = Pods(cluster, namespace)
    stand_in = [
        "/opt/netvsc/bin/python",
        "-m",
        "sim.sidecar.application",
        "--fd",
        "200",
        "--tap",
        TAP,
    ]
    container = application(agent_image, stand_in)
    pair = f"{THIN.name},tap={TAP}"
    pods.start(thin_pod(str(installed.tree.root), container, pair=pair, hostNetwork=True))
    plugged, detached = f"plugged {THIN.pci}", f"detached {THIN.pci}"
    _wait_for(pods, plugged)

    installed.revoke(THIN)
    _wait_for(pods, plugged, detached)
    installed.give(THIN)
    _wait_for(pods, plugged, detached, plugged)

    assert restarts(pods) == [0, 0]


@pytest.mark.usefixtures("sidecar_image")
def test_testpmd_forwards_over_the_vf_then_without_it_then_over_it_again(
    cluster: Cluster, namespace: str, installed: Nics
) -> None:
    cluster.image(testpmd.IMAGE, testpmd.files())
    pods = Pods(cluster, namespace)
    container = application(testpmd.IMAGE, testpmd.command(THIN.name))
    pair = f"{THIN.name},template={TEMPLATE}"
    pods.start(thin_pod(str(installed.tree.root), container, pair=pair, hostNetwork=True))
    assert echoes(cluster, THIN.vf)

    installed.revoke(THIN)
    assert echoes(cluster, THIN.name)
    installed.give(THIN)
    assert echoes(cluster, THIN.vf)

    assert restarts(pods) == [0, 0]
