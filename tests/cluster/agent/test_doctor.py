"""The example's Job on a real node: what `netvsc doctor` sees from a pod."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cluster.harness import addresses

if TYPE_CHECKING:
    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

EXAMPLE = Path(__file__).parents[3] / "manifests/examples/doctor.yaml"


def job(image: str) -> dict[str, Any]:
    """The example, with the image and the node of this cluster, and JSON to read."""
    written: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    spec = written["spec"]["template"]["spec"]
    spec["nodeSelector"] = {"kubernetes.io/hostname": addresses.NODE}
    [container] = spec["containers"]
    container["image"] = image
    container["args"] += ["-o", "json"]
    return written


def test_a_job_tells_what_the_node_is_like(
    cluster: Cluster, whole: Nics, agent_image: str, namespace: str
) -> None:
    assert whole.on_host()
    cluster.apply(job(agent_image), namespace=namespace)
    ends = "jsonpath={.status.conditions[*].type}"
    cluster.kubectl("wait", "job/netvsc-doctor", "-n", namespace, f"--for={ends}", "--timeout=60s")
    logs = cluster.kubectl("logs", "job/netvsc-doctor", "-n", namespace)
    found = {one["check"]: one for one in json.loads(logs)["checks"]}
    well = {"kubelet", "cni-chain", "cni-program", "agent", "nic-owner", "kernel-version"}
    assert {name: found[name]["seen"] for name in well if found[name]["verdict"] != "ok"} == {}
    assert "pairs: 3, free: 3" in found["agent"]["seen"]
    assert found["netvsc-bound"]["verdict"] == "warning"  # no VMBus in this machine
