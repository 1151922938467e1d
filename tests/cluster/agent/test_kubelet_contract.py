"""What the agent relies on, held against the real kubelet and containerd, a sentence each."""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cluster.deployments.agent_only import wait_allocatable
from cluster.harness import ClusterError, addresses, config
from cluster.harness.wait import until
from cluster.pods import Pods, container, pod
from cluster.probe import cni, resources
from cluster.probe.plugin import CLASH, ENV, ProbePlugin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

TESTS = Path(__file__).resolve().parents[2]
CONFLIST = f"/{config.CONFLIST}"
STAY = "trap 'exit 1' USR1; sleep infinity & wait"
_numbers = count()


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    return Pods(cluster, namespace)


@pytest.fixture
def plugin(cluster: Cluster) -> Iterator[ProbePlugin]:
    """Two devices of a resource that no other test has seen."""
    resource = f"netvsc.io/contract-{next(_numbers)}"
    folder = cluster.layout.kubelet / "device-plugins"
    with ProbePlugin(folder, resource=resource, devices=2) as entered:
        wait_allocatable(cluster, resource, 2)
        yield entered


@pytest.fixture
def chained(cluster: Cluster) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The CNI probe behind the primary network; calling the fixture tells what it has seen."""
    program = cni.program(sys.executable, TESTS)
    cluster.node.write(f"/opt/cni/bin/{cni.NAME}", program, mode=0o755)
    cluster.node.write(cni.LOG, "")
    capabilities = {"io.kubernetes.cri.pod-annotations": True}
    probe = {"type": cni.NAME, "capabilities": capabilities}
    cluster.node.write(CONFLIST, config.conflist(probe, version="1.1.0"))

    def seen() -> list[dict[str, Any]]:
        return [json.loads(line) for line in cluster.node.read(cni.LOG).splitlines()]

    # containerd watches the folder; its next status poll shows that it has read the new file.
    until(seen, what="containerd to load the new conflist", seconds=30, pause=0.1)
    yield seen
    cluster.node.write(CONFLIST, config.conflist())
    cluster.kubectl("wait", "--for=condition=Ready", f"node/{addresses.NODE}", "--timeout=60s")


def _socket(cluster: Cluster) -> Path:
    return cluster.layout.kubelet / "pod-resources/kubelet.sock"


def _held(cluster: Cluster, pods: Pods, name: str) -> resources.Held:
    """A kubelet that has just started does not know its pods yet, and lists none."""

    def listed() -> resources.Held | None:
        return resources.pods(_socket(cluster)).get(f"{pods.namespace}/{name}")

    return until(listed, what=f"the kubelet to list {name}", seconds=60)


def test_env_from_allocate_is_in_the_container_and_expanded_in_command_and_args(
    pods: Pods, plugin: ProbePlugin
) -> None:
    main = container("main", "sh", "-c", f'echo "$0"; echo "$1"; env; {STAY}', f"$({ENV})")
    main["args"] = [f"arg-$({ENV})-$$({ENV})"]
    main["env"] = [{"name": "INDIRECT", "value": f"$({ENV})"}, {"name": CLASH, "value": "from-pod"}]
    main["resources"] = {"limits": {plugin.resource: "1"}}
    pods.start(pod("app", main))

    [[device]] = plugin.allocated
    said = until(lambda: pods.logs("app"), what="the container's words", seconds=10)
    assert said[0] == device
    assert said[1] == f"arg-{device}-$({ENV})"
    assert f"{ENV}={device}" in said


def test_the_pods_own_env_wins_and_is_not_expanded_with_allocates(
    pods: Pods, plugin: ProbePlugin
) -> None:
    main = container("main", "sh", "-c", f"env; {STAY}", resource=plugin.resource)
    main["env"] = [{"name": "INDIRECT", "value": f"$({ENV})"}, {"name": CLASH, "value": "from-pod"}]
    pods.start(pod("app", main))

    said = until(lambda: pods.logs("app"), what="the container's words", seconds=10)
    assert f"{CLASH}=from-pod" in said
    assert f"INDIRECT=$({ENV})" in said


def test_at_cni_add_podresources_already_shows_the_pods_devices(
    pods: Pods, plugin: ProbePlugin, chained: Callable[[], list[dict[str, Any]]]
) -> None:
    pods.start(pod("app", container("main", "sh", "-c", STAY, resource=plugin.resource)))

    [added] = [call for call in chained() if call["verb"] == "ADD"]
    held = {f"main/{plugin.resource}": plugin.allocated[0]}
    assert added["get"] == held
    assert added["list"] == held


def test_a_cni_plugin_that_asks_for_the_pods_annotations_gets_them_at_add_and_del(
    cluster: Cluster, pods: Pods, chained: Callable[[], list[dict[str, Any]]]
) -> None:
    metadata = {"annotations": {"netvsc.io/interfaces": '{"main":{}}'}}
    pods.start(pod("app", container("main", "sh", "-c", STAY), metadata=metadata))
    cluster.kubectl("delete", "pod", "app", "-n", pods.namespace, "--wait", "--timeout=60s")

    mine = {"K8S_POD_NAMESPACE": pods.namespace, "K8S_POD_NAME": "app"}.items()

    def first(verb: str) -> dict[str, Any] | None:
        calls = (call for call in chained() if mine <= call["arguments"].items())
        return next((call for call in calls if call["verb"] == verb), None)

    for call in ("ADD", "DEL"):
        seen = until(partial(first, call), what=f"a CNI {call}", seconds=20)
        told = seen["runtimeConfig"]["io.kubernetes.cri.pod-annotations"]
        assert told["netvsc.io/interfaces"] == '{"main":{}}'


def test_containerd_asks_a_plugin_of_cni_1_1_for_its_status_every_five_seconds_and_more_often_never(
    chained: Callable[[], list[dict[str, Any]]],
) -> None:
    def asked() -> list[float]:
        return [call["at"] for call in chained() if call["verb"] == "STATUS"]

    until(lambda: len(asked()) >= 4, what="four STATUS calls", seconds=40, pause=0.5)
    times = asked()
    # The first may follow the conflist's change at any time; from then on the poll is steady.
    gaps = [later - earlier for earlier, later in pairwise(times[1:])]
    assert all(3 < gap < 8 for gap in gaps), gaps


def test_the_node_is_not_ready_while_any_plugin_in_the_chain_says_it_is_not(
    cluster: Cluster, chained: Callable[[], list[dict[str, Any]]]
) -> None:
    assert chained()
    cluster.node.write(cni.FAIL_STATUS, "")
    try:
        node = f"node/{addresses.NODE}"
        cluster.kubectl("wait", "--for=condition=Ready=False", node, "--timeout=60s")
        conditions = cluster.get(node)["status"]["conditions"]
        [ready] = [found for found in conditions if found["type"] == "Ready"]
    finally:
        cluster.node.run(["rm", cni.FAIL_STATUS])
    assert "told to be unavailable" in ready["message"]


def test_a_native_sidecar_has_passed_its_probe_before_the_application_starts_and_sees_no_device(
    pods: Pods, plugin: ProbePlugin
) -> None:
    shared: dict[str, Any] = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    prepare = f'mkfifo /shared/fifo; echo "sidecar [${ENV}]"; touch /shared/ready; {STAY}'
    sidecar = container(
        "sidecar",
        *("sh", "-c", prepare),
        restartPolicy="Always",
        startupProbe={"exec": {"command": ["test", "-e", "/shared/ready"]}, "periodSeconds": 1},
        **shared,
    )
    look = f'test -p /shared/fifo && echo "found [${ENV}]"; {STAY}'
    main = container("main", "sh", "-c", look, resource=plugin.resource, **shared)
    volumes = [{"name": "shared", "emptyDir": {"medium": "Memory"}}]
    pods.start(pod("app", main, initContainers=[sidecar], volumes=volumes))

    [[device]] = plugin.allocated
    assert until(lambda: pods.logs("app"), what="its words", seconds=10) == [f"found [{device}]"]
    assert pods.logs("app", "sidecar") == ["sidecar []"]


def test_pre_start_comes_before_every_start_but_allocate_only_before_the_first(
    cluster: Cluster, pods: Pods
) -> None:
    resource = f"netvsc.io/contract-{next(_numbers)}"
    folder = cluster.layout.kubelet / "device-plugins"
    with ProbePlugin(folder, resource=resource, devices=1, pre_start=True) as plugin:
        wait_allocatable(cluster, resource, 1)
        pods.start(pod("app", container("main", "sh", "-c", STAY, resource=resource)))
        first = list(plugin.allocated)
        assert plugin.prestarted == first

        _fail(pods, "app", restarts=1)

        assert plugin.allocated == first
        assert plugin.prestarted == first * 2


def test_a_container_restarts_with_its_device_while_the_kubelet_restarts_beside_it(
    cluster: Cluster, pods: Pods, plugin: ProbePlugin
) -> None:
    pods.start(pod("app", container("main", "sh", "-c", STAY, resource=plugin.resource)))
    [[device]] = plugin.allocated

    cluster.node.restart("kubelet")
    plugin.wait_registered(times=2)
    assert _held(cluster, pods, "app") == {f"main/{plugin.resource}": [device]}
    _fail(pods, "app", restarts=1)

    assert plugin.allocated == [[device]]
    assert pods.run("app", "sh", "-c", f"echo ${ENV}").strip() == device


def test_an_unhealthy_device_shows_in_the_pods_status_and_leaves_the_pod_running(
    cluster: Cluster, pods: Pods, plugin: ProbePlugin
) -> None:
    pods.start(pod("app", container("main", "sh", "-c", STAY, resource=plugin.resource)))
    [[device]] = plugin.allocated

    plugin.mark(device, "Unhealthy")

    def told() -> list[dict[str, Any]]:
        status = pods.status("app", "main").get("allocatedResourcesStatus", [])
        several = [entry for found in status for entry in found["resources"]]
        return [entry for entry in several if entry["health"] == "Unhealthy"]

    found = until(told, what="the device's health in the pod's status", seconds=15, pause=0.1)
    assert [entry["resourceID"] for entry in found] == [device]
    wait_allocatable(cluster, plugin.resource, 1)
    assert pods.status("app", "main")["restartCount"] == 0

    plugin.mark(device, "Healthy")
    wait_allocatable(cluster, plugin.resource, 2)


def _lists(cluster: Cluster, wanted: dict[str, dict[str, list[str]]]) -> bool:
    """Tell whether the kubelet lists all of these; what it says of those that it lists is right."""
    listed = resources.pods(_socket(cluster))
    for name, held in wanted.items():
        assert listed.get(name, held) == held
    return wanted.keys() <= listed.keys()


def test_ten_kubelet_restarts_each_registered_again_within_seconds_and_the_pod_untouched(
    cluster: Cluster, pods: Pods, plugin: ProbePlugin
) -> None:
    pods.start(pod("app", container("main", "sh", "-c", STAY, resource=plugin.resource)))
    pods.start(pod("plain", container("main", "sh", "-c", STAY)))
    before = pods.status("app", "main")["containerID"]
    held = _held(cluster, pods, "app")
    wanted = {f"{pods.namespace}/app": held, f"{pods.namespace}/plain": {}}

    for restart in range(10):
        cluster.node.restart("kubelet")
        healthy = time.monotonic()
        plugin.wait_registered(times=restart + 2)
        assert plugin.registered_at[-1] - healthy < 5  # 4 ms as a rule, a second on a busy machine
        # For a second or many its list lacks pods, all of them or some: it grows pod by pod. That a
        # pod is not there says nothing; what is said of one that is there is right from the start.
        until(lambda: _lists(cluster, wanted), what="both pods", seconds=60, pause=0.01)

    wait_allocatable(cluster, plugin.resource, 2)
    after = pods.status("app", "main")
    assert (after["containerID"], after["restartCount"]) == (before, 0)
    assert len(plugin.allocated) == 1


def test_the_checkpoint_alone_tells_who_holds_what_when_kubelet_and_plugin_come_back(
    cluster: Cluster, pods: Pods, plugin: ProbePlugin
) -> None:
    pods.start(pod("app", container("main", "sh", "-c", STAY, resource=plugin.resource)))
    held = _held(cluster, pods, "app")
    assert held == {f"main/{plugin.resource}": plugin.allocated[0]}

    cluster.node.restart("kubelet")
    plugin.wait_registered(times=2)
    wait_allocatable(cluster, plugin.resource, 2)

    assert _held(cluster, pods, "app") == held
    pods.start(pod("second", container("main", "sh", "-c", STAY, resource=plugin.resource)))
    assert plugin.allocated[1] != plugin.allocated[0]


def test_when_the_plugin_goes_nothing_is_allocatable_yet_its_pod_runs_and_restarts(
    cluster: Cluster, pods: Pods
) -> None:
    resource = f"netvsc.io/contract-{next(_numbers)}"
    folder = cluster.layout.kubelet / "device-plugins"
    with ProbePlugin(folder, resource=resource, devices=1) as plugin:
        wait_allocatable(cluster, resource, 1)
        pods.start(pod("app", container("main", "sh", "-c", STAY, resource=resource)))
        assert len(plugin.allocated) == 1

    wait_allocatable(cluster, resource, 0)

    pods.create(pod("late", container("main", "sh", "-c", STAY, resource=resource)))
    pods.wait("late", "condition=PodScheduled=False")
    _fail(pods, "app", restarts=1)
    assert pods.run("app", "sh", "-c", f"echo ${ENV}").strip() == plugin.allocated[0][0]


def test_a_pod_for_which_no_device_is_left_stays_pending_and_says_why(
    pods: Pods, plugin: ProbePlugin
) -> None:
    for name in ("first", "second"):
        pods.start(pod(name, container("main", "sh", "-c", STAY, resource=plugin.resource)))

    pods.create(pod("third", container("main", "sh", "-c", STAY, resource=plugin.resource)))
    pods.wait("third", "condition=PodScheduled=False")

    [condition] = [
        found
        for found in pods.get("third")["status"]["conditions"]
        if found["type"] == "PodScheduled"
    ]
    assert f"Insufficient {plugin.resource}" in condition["message"]
    assert len(plugin.allocated) == 2


def _fail(pods: Pods, name: str, *, restarts: int) -> None:
    """End the application as if it had failed, and wait until it runs again."""
    with suppress(ClusterError):  # the command may end with the container that it ends
        pods.run(name, "kill", "-USR1", "1")

    def runs_again() -> bool:
        status = pods.status(name, "main")
        return status["restartCount"] == restarts and "running" in status["state"]

    until(runs_again, what=f"restart {restarts} of {name}", seconds=40, pause=0.1)
