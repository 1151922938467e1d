"""The agent's state folder on a file system of its own, small enough to be filled."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cluster.chaos import processes
from cluster.chaos.processes import Who
from cluster.harness.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.harness import Cluster

FOLDER = "/run/netvsc"
_FILLER = f"{FOLDER}/filler"
_ASIDE = "/run/netvsc-aside"
# What stands in the folder goes on in the other, so that the agent counts on.
_SMALL = (
    f"mkdir -p {FOLDER} && cp -a {FOLDER} {_ASIDE} && "
    f"mount -t tmpfs -o size=512k,mode=0755 chaos {FOLDER} && "
    f"rm -f {_ASIDE}/*.sock && cp -a {_ASIDE}/. {FOLDER}/ && rm -r {_ASIDE}"
)
_USUAL = (
    f"cp -a {FOLDER} {_ASIDE} && umount --lazy {FOLDER} && "
    f"rm -f {_ASIDE}/*.sock && cp -a {_ASIDE}/. {FOLDER}/ && rm -r {_ASIDE}"
)


@contextmanager
def small(cluster: Cluster) -> Iterator[None]:
    """To be used while no pod has a pair. The agent, which has the other open, is started anew."""
    _swapped(cluster, _SMALL)
    try:
        yield
    finally:
        _swapped(cluster, _USUAL)


def fill(cluster: Cluster, *, seconds: float) -> None:
    """Not a byte is free for so long."""
    # dd ends with an error where nothing is left: that is what is wanted.
    cluster.node.run(["dd", "if=/dev/zero", f"of={_FILLER}", "bs=4k"], check=False)
    try:
        time.sleep(seconds)  # the trouble itself
    finally:
        cluster.node.run(["rm", "-f", _FILLER])


def _swapped(cluster: Cluster, script: str) -> None:
    before = {one.pid for one in processes.find(cluster, Who.AGENT)}
    cluster.node.run(["sh", "-ec", script])
    where = ("-n", "netvsc-system", "-l", "app.kubernetes.io/name=netvsc-deviceplugin")
    cluster.kubectl("delete", "pods", *where, "--wait", "--timeout=60s")
    cluster.kubectl("rollout", "status", "daemonset/netvsc-deviceplugin", *where[:2])
    until(
        lambda: {one.pid for one in processes.find(cluster, Who.AGENT)} - before,
        what="an agent on the other folder",
        seconds=60,
    )
