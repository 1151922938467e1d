"""The harness itself: it starts, restarts and leaves no trace, however its user ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster import traces
from cluster.harness import Cluster, ClusterError, Link, Start, processes
from cluster.harness.components import table
from cluster.harness.diagnosis import diagnosis
from cluster.harness.images import Content, libraries
from cluster.harness.layout import layout
from cluster.harness.namespaces import environment
from cluster.harness.recipes import versions
from cluster.harness.wait import until
from cluster.pods import Pods, container, pod

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.cluster

VICTIM = "victim"
START_AND_HANG = """
import signal
from cluster.harness import Cluster
Cluster(name="victim").up()
print("up", flush=True)
signal.pause()
"""


@pytest.fixture
def victim() -> Iterator[Cluster]:
    """A second cluster beside the session's, for the tests that end it."""
    made = Cluster(name=VICTIM)
    yield made
    made.down()


def _own_namespaces(cluster: Cluster) -> frozenset[str]:
    """The node's, and those of its pods."""
    inside = [found.pid for found in processes.every() if _is_in(found.pid, cluster.node.pid)]
    return traces.namespaces_of(inside) - traces.namespaces_of([os.getpid()])


def _is_in(pid: int, init: int) -> bool:
    """Whether a process descends from the node's process 1."""
    while pid > 1:
        if pid == init:
            return True
        try:
            pid = processes.parent(pid)
        except FileNotFoundError:
            return False
    return False


def _start_pod(cluster: Cluster) -> None:
    Pods(cluster, "default").start(pod("resident", container("main", "sleep", "infinity")))


def test_every_component_can_be_restarted_alone_while_a_pod_runs_on(
    cluster: Cluster, namespace: str
) -> None:
    pods = Pods(cluster, namespace)
    pods.start(pod("resident", container("main", "sleep", "infinity")))
    before = pods.status("resident", "main")

    for name in table(cluster.layout):
        ended = cluster.node.pids(name)
        cluster.node.restart(name)
        running = cluster.node.pids(name)
        assert len(running) == 1, name
        assert running != ended, name

    pods.start(pod("newcomer", container("main", "sleep", "infinity")))
    after = pods.status("resident", "main")
    assert (after["containerID"], after["restartCount"]) == (before["containerID"], 0)


def test_an_image_packed_from_files_runs_without_an_image_registry(
    cluster: Cluster, namespace: str
) -> None:
    busybox = cluster.layout.packages / "busybox/bin/busybox"
    files: dict[str, Content] = {
        **libraries(busybox),
        "/bin/busybox": busybox,
        "/bin/cat": Link("busybox"),
        "/greeting": b"packed\n",
    }
    start = Start(entrypoint=["/bin/cat", "/greeting"], user="65532")
    cluster.image("netvsc.io/test/greeting:1", files, start)

    pods = Pods(cluster, namespace)
    once = pod("greeting", {"name": "main", "image": "netvsc.io/test/greeting:1"})
    once["spec"]["restartPolicy"] = "Never"
    pods.create(once)
    pods.wait("greeting", "jsonpath={.status.phase}=Succeeded")

    assert pods.logs("greeting") == ["packed"]


def test_a_pod_reaches_another_through_a_service(cluster: Cluster, namespace: str) -> None:
    pods = Pods(cluster, namespace)
    serve = "echo pong > /tmp/index.html && exec httpd -f -p 80 -h /tmp"
    server = pod("server", container("main", "sh", "-c", serve), metadata={"labels": {"app": "s"}})
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "server"},
        "spec": {"selector": {"app": "s"}, "ports": [{"port": 8080, "targetPort": 80}]},
    }
    cluster.apply(service, namespace=namespace)
    pods.start(server)
    pods.start(pod("client", container("main", "sleep", "infinity")))
    address = cluster.get("service", "server", "-n", namespace)["spec"]["clusterIP"]

    def answer() -> str:
        ask = f"wget -q -O - http://{address}:8080/ || true"
        return pods.run("client", "sh", "-c", ask)

    # The endpoints of a pod that has just become ready reach kube-proxy a moment later.
    assert until(answer, what="the service to answer", seconds=20).strip() == "pong"


def test_the_node_has_its_own_network_and_leaves_the_machines_files_alone(
    cluster: Cluster,
) -> None:
    before = traces.machine()
    outside = {link.name for link in Path("/sys/class/net").iterdir()} - {"lo"}
    for path in ("/etc/cni/net.d/written", "/opt/cni/bin/written", "/var/lib/kubelet/written"):
        cluster.node.write(path, "by the node\n")
        assert cluster.node.read(path) == "by the node\n"
        cluster.node.run(["rm", path])
    inside = set(cluster.node.run(["ls", "/sys/class/net"]).stdout.decode().split())

    assert traces.machine() == before
    assert "node0" in inside
    assert not inside & outside


def test_the_pinned_versions_are_what_runs(cluster: Cluster) -> None:
    told = cluster.get("node", "node1")["status"]["nodeInfo"]
    pinned = versions()

    assert told["kubeletVersion"] == pinned["kubernetes 1.36"]
    assert pinned["containerd"].removeprefix("v") in told["containerRuntimeVersion"]


def test_an_unknown_component_and_an_unknown_release_are_refused_by_name(
    cluster: Cluster,
) -> None:
    with pytest.raises(ClusterError, match=r"no component is called 'kubelt'; there are .*kubelet"):
        cluster.node.restart("kubelt")
    with pytest.raises(ClusterError, match=r"Kubernetes 1\.12 is not among .*1\.36"):
        Cluster(name=VICTIM, release="1.12").up()


def test_a_cache_that_the_node_would_cover_or_whose_sockets_would_be_too_long_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for path, reason in (("/var/lib/x", "replaces with its own"), ("/" + 90 * "x", "too deep")):
        monkeypatch.setenv("NETVSC_CACHE", path)
        with pytest.raises(ClusterError, match=rf"{reason}.*set NETVSC_CACHE"):
            layout("any")


def test_a_diagnosis_shows_pod_events_and_the_components_last_words(
    cluster: Cluster, namespace: str
) -> None:
    pods = Pods(cluster, namespace)
    pods.create(pod("unwanted", container("main", "true", resource="netvsc.io/no-such")))
    pods.wait("unwanted", "condition=PodScheduled=False")

    until(lambda: pods.reasons("unwanted"), what="the scheduler's event", seconds=20)
    told = diagnosis(cluster)

    assert "Insufficient netvsc.io/no-such" in told
    assert "-- kubelet, last lines" in told
    assert str(cluster.layout.last_logs) in told


def test_up_and_down_twice_in_a_row_leave_no_trace(victim: Cluster) -> None:
    before = traces.machine()
    for _ in range(2):
        victim.up()
        _start_pod(victim)
        namespaces = _own_namespaces(victim)
        assert traces.left(victim.layout, namespaces=namespaces), "nothing would be noticed"

        victim.down()

        assert traces.left(victim.layout, namespaces=namespaces) == []
        assert traces.machine() == before


def test_a_test_run_killed_with_its_cluster_up_leaves_no_trace(victim: Cluster) -> None:
    before = traces.machine()
    with _run_that_hangs() as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"up\n"
        _start_pod(victim)
        namespaces = _own_namespaces(victim)
        run.kill()

    _wait_for_no_trace(victim, namespaces)
    assert traces.machine() == before


def test_a_test_run_killed_halfway_up_leaves_no_trace(victim: Cluster) -> None:
    before = traces.machine()
    with _run_that_hangs() as run:
        until(lambda: victim.node.is_up, what="the node's process 1", seconds=60)
        namespaces = _own_namespaces(victim)
        run.kill()

    _wait_for_no_trace(victim, namespaces)
    assert traces.machine() == before


def test_when_even_the_keeper_is_killed_the_next_run_sweeps(victim: Cluster) -> None:
    with _run_that_hangs() as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"up\n"
        namespaces = _own_namespaces(victim)
        for keeper in _keepers():
            processes.end(keeper, how=signal.SIGKILL)
        run.kill()
    assert traces.left(victim.layout, namespaces=namespaces), "somebody else has swept"

    victim.down()

    assert traces.left(victim.layout, namespaces=namespaces) == []


def _run_that_hangs() -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", START_AND_HANG]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment())


def _keepers() -> list[int]:
    """The keeper of the victim, not that of the session's cluster."""
    wanted = ("-m", "cluster.harness.keeper", VICTIM)
    return [found.pid for found in processes.every() if found.argv[1:4] == wanted]


def _wait_for_no_trace(cluster: Cluster, namespaces: frozenset[str]) -> None:
    def gone() -> bool:
        return not traces.left(cluster.layout, namespaces=namespaces)

    until(gone, what="the keeper to leave no trace", seconds=30)
    until(lambda: not _keepers(), what="the keeper to end", seconds=10)
    assert not Path(cluster.layout.run).exists()
