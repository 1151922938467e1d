"""Objects of DRANET and of Azure CNI, made by hand after their own definitions."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

AZURES_KIND: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "multitenantpodnetworkconfigs.multitenancy.acn.azure.com"},
    "spec": {
        "group": "multitenancy.acn.azure.com",
        "scope": "Namespaced",
        "names": {
            "kind": "MultitenantPodNetworkConfig",
            "plural": "multitenantpodnetworkconfigs",
            "shortNames": ["mtpnc"],
        },
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


def azure(node: str) -> list[Object]:
    api = {"apiVersion": "multitenancy.acn.azure.com/v1alpha1"}
    spec = {"podName": f"{node}-pod", "podNetwork": "network"}
    kind = {"kind": "MultitenantPodNetworkConfig", "metadata": {"name": "taken"}}
    return [api | kind | {"spec": spec}]


def moved(node: str) -> Object:
    return {"nodeName": node, "interfaceInfos": [{"macAddress": "00:0d:3a:00:00:01"}]}


def dranet(node: str) -> list[Object]:
    devices = [
        {"name": name, "attributes": {"dra.net/ifName": {"string": interface}}}
        for name, interface in (("pci-1", "eth2"), ("pci-2", "eth3"))
    ]
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    api = {"apiVersion": "resource.k8s.io/v1"}
    device = {"name": "nic", "exactly": {"deviceClassName": "dranet"}}
    return [
        api | {"kind": "ResourceSlice", "metadata": {"name": f"{node}-slice"},
         "spec": {"driver": "dra.net", "nodeName": node, "pool": pool, "devices": devices}},
        api | {"kind": "ResourceClaim", "metadata": {"name": "taken"},
         "spec": {"devices": {"requests": [device]}}},
    ]  # fmt: skip


def allocated(node: str) -> Object:
    result = {"request": "nic", "driver": "dra.net", "pool": node, "device": "pci-1"}
    return {"allocation": {"devices": {"results": [result]}}}
