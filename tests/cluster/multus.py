"""Multus, thin plugin, on the node: in front of the primary network, with its kind of object."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cluster.harness import config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.harness import Cluster

NETWORKS = "k8s.v1.cni.cncf.io/networks"
STATUS = "k8s.v1.cni.cncf.io/network-status"
RESOURCE = "k8s.v1.cni.cncf.io/resourceName"
_FIRST = "/etc/cni/net.d/00-multus.conflist"  # by name before the bridge, so the runtime's own
_GROUP = "k8s.cni.cncf.io"
_CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"network-attachment-definitions.{_GROUP}"},
    "spec": {
        "group": _GROUP,
        "scope": "Namespaced",
        "names": {
            "plural": "network-attachment-definitions",
            "singular": "network-attachment-definition",
            "kind": "NetworkAttachmentDefinition",
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"config": {"type": "string"}},
                            }
                        },
                    }
                },
            }
        ],
    },
}


def definition() -> dict[str, Any]:
    """The CustomResourceDefinition of its kind of object."""
    return _CRD


@contextmanager
def multus(cluster: Cluster) -> Iterator[None]:
    """While the context lasts the runtime calls Multus, and Multus what was there before."""
    cluster.apply(_CRD)
    cluster.kubectl("wait", "--for=condition=Established", f"crd/{_CRD['metadata']['name']}")
    cluster.node.run(["cp", str(cluster.layout.tools / "multus"), "/opt/cni/bin/multus"])
    cluster.node.write(_FIRST, _conflist(cluster))
    try:
        yield
    finally:
        cluster.node.run(["rm", _FIRST, "/opt/cni/bin/multus"])
        cluster.kubectl("delete", "crd", _CRD["metadata"]["name"])


def attachment(name: str, *, resource: str, plugin: dict[str, Any]) -> dict[str, Any]:
    """A NetworkAttachmentDefinition whose pods get a device of the resource."""
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name, "annotations": {RESOURCE: resource}},
        "spec": {"config": json.dumps({"cniVersion": "1.0.0", "name": name, **plugin})},
    }


def _conflist(cluster: Cluster) -> str:
    plugin = {
        "type": "multus",
        "kubeconfig": str(cluster.layout.conf / "admin.kubeconfig"),
        "clusterNetwork": f"/{config.CONFLIST}",
        "logToStderr": True,
    }
    return json.dumps({"cniVersion": "1.0.0", "name": "multus", "plugins": [plugin]})
