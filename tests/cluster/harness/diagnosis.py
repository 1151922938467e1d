"""What a newcomer should look at when a test on the cluster has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from cluster.harness.cluster import Cluster

_ASKED = {
    "what the node offers": ("get", "nodes", "-o", "jsonpath={.items[*].status.allocatable}"),
    "the agent": (
        *("logs", "--namespace=kube-system", "--tail=25"),
        "--selector=app.kubernetes.io/name=netvsc-deviceplugin",
    ),
    "pods": ("get", "pods", "--all-namespaces", "-o", "wide"),
    "events": ("get", "events", "--all-namespaces", "--sort-by=.metadata.creationTimestamp"),
}
_TALKATIVE = ("kubelet", "containerd")
_LINES, _WIDTH = 25, 240


def diagnosis(cluster: Cluster) -> str:
    """Pods, events and the last lines of the components that usually know; never raises."""
    if not cluster.node.is_up:
        return f"the node is down; its logs are in {cluster.layout.last_logs}"
    parts = [f"-- interfaces of the node\n{_interfaces(cluster)}"]
    parts += [f"-- {title}\n{_ask(cluster, *words)}" for title, words in _ASKED.items()]
    parts += [f"-- {name}, last lines\n{_last(cluster, name)}" for name in _TALKATIVE]
    parts.append(f"-- all logs: {cluster.layout.logs} (after the run: {cluster.layout.last_logs})")
    return "\n".join(parts)


def _interfaces(cluster: Cluster) -> str:
    told = cluster.node.run(["ip", "-brief", "link"], check=False).stdout.decode()
    return _cut([" ".join(line.split()) for line in told.splitlines()])


def _ask(cluster: Cluster, *words: str) -> str:
    try:
        lines = cluster.kubectl(*words, "--request-timeout=5s").splitlines()
    except ClusterError as error:
        return str(error)
    return _cut([*lines[:1], *lines[1:][-_LINES:]])


def _last(cluster: Cluster, component: str) -> str:
    return _cut(cluster.logs(component, lines=_LINES).splitlines())


def _cut(lines: list[str]) -> str:
    return "\n".join(line[:_WIDTH] for line in lines)
