"""What stories have in common beside story.py: two pairs at once, parts that are away."""

from __future__ import annotations

import http.client
import json
import re
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cluster import testpmd
from cluster.deployments import full_chart as chart
from cluster.deployments.simulated_nics import NICS
from cluster.harness import ClusterError, addresses, namespaces
from cluster.harness.wait import until
from cluster.pods import Pods, container, pod
from cluster.stories.story import ACCELERATED, EVENTS, FORWARDER, HOME_SLOT, PAIR, SLOTS, seated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster.deployments.simulated_nics import Nic, Nics
    from cluster.harness import Cluster
    from cluster.pods import Object

WEBHOOK, CONTROLLER, AGENT = "netvsc-webhook", "netvsc-controller", "netvsc-deviceplugin"
METRICS_PORT = 9470
PATIENCE_S = 30.0


def prepared(cluster: Cluster, namespace: str, nics: Nics) -> Pods:
    """The pods of a story, its application's image, and every VF where it was at first."""
    cluster.image(testpmd.IMAGE, testpmd.files())
    there = nics.on_host()
    for nic in NICS:
        for slot in SLOTS:
            vf = seated(nic, slot)
            if f"{vf.vf}-far" not in there and slot == HOME_SLOT:
                nics.give(vf)
            elif f"{vf.vf}-far" in there and slot != HOME_SLOT:
                nics.revoke(vf)
    return Pods(cluster, namespace)


def wait(look: Callable[[], Any], what: str) -> Any:
    return until(look, what=what, seconds=PATIENCE_S, pause=0.2)


def condition(thing: Object, kind: str) -> Object:
    """One condition of an object's status; empty if nobody has said anything yet."""
    several = thing.get("status", {}).get("conditions", [])
    found: Object = next((one for one in several if one["type"] == kind), {})
    return found


def wait_accelerated(pods: Pods, truth: str, *reasons: str) -> Object:
    """Return the forwarder's condition once it is so; any reason will do unless some are named."""

    def told() -> Object | None:
        found = condition(pods.get(FORWARDER), ACCELERATED)
        fits = found.get("status") == truth and (not reasons or found["reason"] in reasons)
        return found if fits else None

    found: Object = wait(told, f"{ACCELERATED} to be {truth} {' or '.join(reasons)}".rstrip())
    return found


def pairs(cluster: Cluster) -> dict[str, Object]:
    """What the node's NetvscNode says, by the pair's id."""
    status = cluster.get("netvscnode", addresses.NODE).get("status", {})
    return {one["id"]: one for one in status.get("pairs", [])}


def notes(cluster: Cluster, namespace: str, reason: str) -> list[str]:
    """The notes of a namespace's Events of one reason, oldest first."""
    found = cluster.get(EVENTS, "-n", namespace, f"--field-selector=reason={reason}")["items"]
    found.sort(key=lambda event: str(event["eventTime"]))
    return [event["note"] for event in found]


def sample(cluster: Cluster, name: str) -> float:
    """What the agent exports under a name with its labels; 0 before there is such a series."""
    connection = http.client.HTTPConnection("127.0.0.1", METRICS_PORT, timeout=5)
    connection.sock = namespaces.connect(cluster.node.pid, "127.0.0.1", METRICS_PORT)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def held(nics: Nics) -> list[Nic]:
    """The NICs that are in pods."""
    home = nics.on_host()
    return [nic for nic in NICS if nic.name not in home]


def wait_home(nics: Nics) -> None:
    until(nics.all_home, what="every pair to be home under its name", seconds=30, pause=0.1)


def lives(pods: Pods, name: str = FORWARDER) -> dict[str, str]:
    """The ids of a pod's containers, the sidecar's too: a restart gives another."""
    status = pods.get(name)["status"]
    both = [*status["containerStatuses"], *status.get("initContainerStatuses", [])]
    return {found["name"]: found["containerID"] for found in both}


def deployment(made: Object) -> Object:
    """A Deployment of one such pod."""
    name = made["metadata"]["name"]
    labels = {"app": name}
    metadata = {**made["metadata"], "labels": labels}
    template = {"metadata": metadata, "spec": made["spec"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def refusal(act: Callable[[], object]) -> str:
    """What is said of something that must be refused."""
    try:
        act()
    except ClusterError as error:
        return str(error)
    raise AssertionError("it was not refused")


@contextmanager
def away(cluster: Cluster, deployment: str) -> Iterator[None]:
    """No replica of a Deployment of ours runs while the context lasts."""
    where = (f"deployment/{deployment}", "-n", chart.NAMESPACE)
    replicas: int = cluster.get(*where)["spec"]["replicas"]
    cluster.kubectl("scale", *where, "--replicas=0")
    _wait_gone(cluster, deployment)
    try:
        yield
    finally:
        cluster.kubectl("scale", *where, f"--replicas={replicas}")
        cluster.kubectl("rollout", "status", *where, "--timeout=45s")
        if deployment == WEBHOOK:
            wait(lambda: _reviewed(cluster), "kube-proxy to lead to the webhook again")


def _reviewed(cluster: Cluster) -> bool:
    """Whether the webhook answers for a pod that is not made."""
    made = pod("tried", container("main", "true", resource=PAIR))
    made["metadata"]["annotations"] = {"netvsc.io/mode": "none"}
    tried = ("create", "--dry-run=server", "-n", "default", "-o", "name", "-f", "-")
    return bool(cluster.kubectl(*tried, stdin=json.dumps(made), check=False))


@contextmanager
def dead(cluster: Cluster, component: str) -> Iterator[None]:
    """A component of Kubernetes is killed, and started again when the context ends."""
    cluster.node.stop(component, how=signal.SIGKILL)
    try:
        yield
    finally:
        cluster.node.start(component)


@contextmanager
def agent_away(cluster: Cluster) -> Iterator[None]:
    """The DaemonSet wants no node while the context lasts."""
    where = (f"daemonset/{AGENT}", "-n", chart.NAMESPACE)
    _select(cluster, where, "yes")
    _wait_gone(cluster, AGENT)
    try:
        yield
    finally:
        _select(cluster, where, None)
        cluster.kubectl("rollout", "status", *where, "--timeout=45s")


def _select(cluster: Cluster, where: tuple[str, ...], value: str | None) -> None:
    selector = {"template": {"spec": {"nodeSelector": {"netvsc.io/away": value}}}}
    cluster.kubectl("patch", *where, "--type=merge", "-p", json.dumps({"spec": selector}))


def _wait_gone(cluster: Cluster, name: str) -> None:
    which = ("-n", chart.NAMESPACE, "-l", f"app.kubernetes.io/name={name}")
    cluster.kubectl("wait", "--for=delete", "pods", *which, "--timeout=45s")
