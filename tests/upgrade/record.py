"""Has the version before run a pod with a pair, and keeps what it left: `python -m upgrade.record`.

As root, with PYTHONPATH=tests: it wants a cluster of its own. README.md says when to run it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster import testpmd
from cluster.deployments import mixed_versions, previous_version
from cluster.deployments.agent_only import wait_allocatable
from cluster.deployments.mixed_versions import Mixture
from cluster.deployments.simulated_nics import NICS, Nics
from cluster.harness import Cluster, addresses, config
from cluster.pods import Pods, container, pod
from cluster.stories.shared import agent_away, wait_accelerated
from cluster.stories.story import FORWARDER, HOME_SLOT, PAIR, Story, forwarder
from upgrade import exchange

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
STATE = HERE / "state"
DEVINFO = "/var/run/k8s.cni.cncf.io/devinfo/dp"


def main() -> None:
    cluster = Cluster(name="record")
    cluster.up()
    try:
        _play(cluster)
    finally:
        cluster.down()
    for file in (previous_version.source() / "charts/netvsc-operator/crds").iterdir():
        shutil.copy(file, HERE / "crds")
    read = exchange.by(previous_version.python(), "read", STATE)
    (HERE / "read.json").write_text(json.dumps(json.loads(read), indent=1, sort_keys=True) + "\n")


def _play(cluster: Cluster) -> None:
    mixed_versions.load(cluster, new=False)
    cluster.image(testpmd.IMAGE, testpmd.files())
    nics, pods = Nics(cluster), Pods(cluster, "default")
    nics.add()
    Mixture(cluster).install()
    wait_allocatable(cluster, PAIR, len(NICS))
    pods.start(forwarder())
    story = Story(cluster, nics, pods)
    assert story.forwards_on_vf()
    wait_accelerated(pods, "True")
    story.revoke()
    wait_accelerated(pods, "False")
    story.give(HOME_SLOT + 1)
    assert story.forwards_on_vf()
    wait_accelerated(pods, "True")
    story.wait_status(path="VF", announcement="Taken")
    cluster.kubectl("annotate", "pod", FORWARDER, "netvsc.io/reannounce=1")
    story.wait_told("AnnouncementRepeated")
    story.wait_status(path="VF", announcement="Taken")
    _keep(cluster, pods)


def _keep(cluster: Cluster, pods: Pods) -> None:
    shutil.rmtree(STATE, ignore_errors=True)
    _objects(cluster, pods)
    uid = pods.get(FORWARDER)["metadata"]["uid"]
    shared = f"/var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~empty-dir/netvsc"
    _folder(cluster, shared, STATE / "sidecar", only=lambda name: name.startswith("00."))
    lines = pods.run(FORWARDER, "/fdpipe", "status", container="netvsc-fdpipe")
    (STATE / "sidecar/status").write_text(lines)
    _folder(cluster, DEVINFO, STATE / "devinfo")
    (STATE / "conflist.json").write_text(cluster.node.read(f"/{config.CONFLIST}"))
    _folder(cluster, "/run/netvsc", STATE / "run", only=lambda name: name.endswith(".json"))
    _folder(cluster, "/run/netvsc/containers", STATE / "run/containers")
    with agent_away(cluster):
        pods.start(pod("plain", container("main", "sleep", "infinity")))
        _folder(cluster, "/run/netvsc/passed", STATE / "run/passed")


def _objects(cluster: Cluster, pods: Pods) -> None:
    STATE.mkdir()
    for name, thing in (
        ("netvscnode", cluster.get("netvscnode", addresses.NODE)),
        ("netvscpool", cluster.get("netvscpool", "pair")),
        ("pod", pods.get(FORWARDER)),
    ):
        thing["metadata"].pop("managedFields", None)
        (STATE / f"{name}.json").write_text(json.dumps(thing, indent=1) + "\n")


def _folder(
    cluster: Cluster, folder: str, to: Path, *, only: Callable[[str], bool] = lambda _: True
) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for name in cluster.node.run(["ls", folder]).stdout.decode().split():
        if only(name):
            told: Any = cluster.node.run(["cat", f"{folder}/{name}"]).stdout
            (to / name).write_bytes(told)


if __name__ == "__main__":
    main()
