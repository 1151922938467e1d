"""Patched pods before a real apiserver, in a dry run: valid, of the same class, welcome everywhere.

A pod goes in twice, as its webhook would see it: first as the user wrote it, for what the
apiserver's own plugins make of it, and then that with our patch.
"""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings

from cluster.apiserver import apiserver
from cluster.harness import namespaces
from netvsc.model.pool import BUILT_IN
from netvsc_operator.admission import Result
from netvsc_operator.admission.sidecar_image import SidecarImage
from sim.cluster.pods import POOLS, pods
from sim.cluster.reviews import IMAGE, ask, patched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

Object = dict[str, Any]
SAMPLE = 60
SIDECAR_IMAGE = SidecarImage(image=IMAGE, pull_secrets=("netvsc",))
GOLDEN = sorted((Path(__file__).parents[2] / "unit/admission/golden").glob("*.yaml"))
LIMITS = {
    "type": "Container",
    "default": {"cpu": "500m", "memory": "256Mi"},
    "defaultRequest": {"cpu": "100m", "memory": "64Mi"},
    "min": {"cpu": "10m", "memory": "16Mi"},
    "max": {"cpu": "4", "memory": "2Gi"},
    "maxLimitRequestRatio": {"cpu": "20", "memory": "32"},
}
PLENTY = {f"{kind}.{of}": "1000Gi" for kind in ("requests", "limits") for of in ("cpu", "memory")}


class Namespace:
    """A namespace of the cluster, and what a dry run in it says."""

    def __init__(self, cluster: Cluster, name: str, **labels: str) -> None:
        self.name = name
        self._cluster = cluster
        metadata = {"name": name, "labels": labels}
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        where = ("-n", name, "--timeout=30s")
        cluster.kubectl("wait", "--for=create", "serviceaccount/default", *where)

    def add(self, kind: str, **spec: object) -> Namespace:
        metadata = {"name": "rule"}
        self._cluster.apply(
            {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec},
            namespace=self.name,
        )
        return self

    def tried(self, several: list[Object]) -> dict[str, Object]:
        """Return the pods that would be created, by name, as they would be."""
        items = {"apiVersion": "v1", "kind": "List", "items": several}
        where = ("-n", self.name, "--dry-run=server", "-o", "json", "-f", "-")
        done = subprocess.run(
            [str(self._cluster.layout.kubernetes / "kubectl"), "create", *where],
            input=json.dumps(items),
            capture_output=True,
            text=True,
            check=False,
            env=namespaces.environment(KUBECONFIG=str(self._cluster.layout.kubeconfig)),
        )
        self.complaints = done.stderr
        found = _objects(done.stdout)
        return {made["metadata"]["name"]: made for made in found}


def _objects(text: str) -> Iterator[Object]:
    """Read what kubectl prints: one object, a List, or several one after the other."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        made, end = decoder.raw_decode(text[at:].lstrip())
        at += len(text[at:]) - len(text[at:].lstrip()) + end
        yield from made.get("items", [made])


def _sample() -> list[Object]:
    """The same random pods each time, under names of their own."""
    found: list[Object] = []

    @settings(
        max_examples=SAMPLE, phases=[Phase.generate], database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(pods())
    def take(pod: Object) -> None:
        found.append(copy.deepcopy(pod))

    take()
    for i, pod in enumerate(found):
        pod["metadata"]["name"] = f"p{i}"
    return found


def _golden() -> list[Object]:
    befores = [list(yaml.safe_load_all(path.read_text()))[1] for path in GOLDEN]
    return [
        {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": pod["metadata"] | {"name": f"g{i}"}}
        for i, pod in enumerate(befores)
        if _asks_for_known(pod)
    ]


def _asks_for_known(pod: Object) -> bool:
    asked = [c.get("resources", {}).get("limits", {}) for c in pod["spec"]["containers"]]
    return all(not r.startswith("netvsc.io/") or r in POOLS for one in asked for r in one)


def _as_reviewed(made: Object) -> Object:
    """What a webhook sees of a pod: without what is given to it at the very end."""
    metadata = {k: made["metadata"][k] for k in ("name", "annotations", "labels")
                if k in made["metadata"]}  # fmt: skip
    spec = {k: v for k, v in made["spec"].items() if k != "nodeName"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _served(made: Object) -> Object:
    answered = ask(made, *POOLS.values(), sidecar_image=SIDECAR_IMAGE)
    assert answered.result is Result.PATCHED, answered.review
    return patched(made, answered)


@pytest.fixture(scope="module")
def control_plane() -> Iterator[Cluster]:
    with apiserver("admission") as made:
        yield made


def _check(namespace: Namespace, *, at_least: int) -> None:
    """Whatever pod is welcome as written is welcome patched, and of the same class."""
    reviewed = namespace.tried([*_sample(), *_golden()])
    assert len(reviewed) >= at_least, namespace.complaints
    served = [_served(_as_reviewed(made)) for made in reviewed.values()]
    accepted = namespace.tried(served)
    assert not namespace.complaints
    classes = {name: made["status"]["qosClass"] for name, made in reviewed.items()}
    assert {name: made["status"]["qosClass"] for name, made in accepted.items()} == classes


def test_every_patched_pod_is_valid_and_of_the_same_class(control_plane: Cluster) -> None:
    _check(Namespace(control_plane, "plain"), at_least=SAMPLE + 10)


def test_a_limit_range_takes_patched_pods(control_plane: Cluster) -> None:
    namespace = Namespace(control_plane, "limited").add("LimitRange", limits=[LIMITS])
    _check(namespace, at_least=SAMPLE // 2)


def test_a_quota_on_requests_and_limits_takes_patched_pods(control_plane: Cluster) -> None:
    namespace = Namespace(control_plane, "quota").add("ResourceQuota", hard=PLENTY)
    _check(namespace, at_least=5)


def test_both_together_take_patched_pods(control_plane: Cluster) -> None:
    namespace = Namespace(control_plane, "both").add("LimitRange", limits=[LIMITS])
    _check(namespace.add("ResourceQuota", hard=PLENTY), at_least=SAMPLE // 2)


def test_a_quota_that_counts_pods_by_class_takes_patched_pods(control_plane: Cluster) -> None:
    namespace = Namespace(control_plane, "scoped")
    namespace.add("ResourceQuota", hard={"pods": "100"}, scopes=["BestEffort"])
    _check(namespace, at_least=SAMPLE + 10)


RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def test_a_namespace_that_is_restricted_takes_the_sidecar(control_plane: Cluster) -> None:
    namespace = Namespace(
        control_plane, "restricted", **{"pod-security.kubernetes.io/enforce": "restricted"}
    )
    app = {"name": "app", "image": "x", "command": ["app"], "securityContext": RESTRICTED,
           "resources": {"limits": {"netvsc.io/pair": "1"}}}  # fmt: skip
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"},
           "spec": {"containers": [app]}}  # fmt: skip
    answered = ask(pod, BUILT_IN)
    accepted = namespace.tried([patched(pod, answered)])
    assert accepted, namespace.complaints
    assert accepted["app"]["spec"]["initContainers"][0]["name"] == "netvsc-fdpipe"
    loose = patched(pod, answered)
    del loose["spec"]["initContainers"][0]["securityContext"]
    assert not namespace.tried([loose])  # the namespace does look
    assert "netvsc-fdpipe" in namespace.complaints


def test_exclusive_cores_stay_exclusive(control_plane: Cluster) -> None:
    """Whole cores in a Guaranteed pod: the application's stay whole, and the class stays."""
    namespace = Namespace(control_plane, "cores")
    whole = {"cpu": "2", "memory": "1Gi", "hugepages-2Mi": "64Mi", "netvsc.io/pair": "1"}
    app = {"name": "app", "image": "x", "command": ["app"], "resources": {"limits": whole}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"},
           "spec": {"containers": [app]}}  # fmt: skip
    (made,) = namespace.tried([_served(pod)]).values()
    assert made["status"]["qosClass"] == "Guaranteed"
    assert made["spec"]["containers"][0]["resources"] == {"limits": whole, "requests": whole}
