"""A real Kubernetes on one machine: control plane and node in namespaces of their own.

    cluster = Cluster(name="mine")
    cluster.up()
    cluster.image("netvsc.io/test/app:1", {"/app": Path("app")}, entrypoint=["/app"])
    cluster.kubectl("get", "nodes")
    cluster.node.restart("kubelet")
    cluster.down()

`docs/testing-cluster.md` tells what runs where and why.
"""

from cluster.harness.cluster import Cluster, Parts
from cluster.harness.errors import ClusterError
from cluster.harness.images import Link, Start
from cluster.harness.layout import DEFAULT_RELEASE, Layout, layout

__all__ = [
    "DEFAULT_RELEASE",
    "Cluster",
    "ClusterError",
    "Layout",
    "Link",
    "Parts",
    "Start",
    "layout",
]
