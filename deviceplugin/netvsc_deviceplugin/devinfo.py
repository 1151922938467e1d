"""What the files of the Network Plumbing Working Group say of our devices. Pure.

Device Information Specification 1.1.0: Multus and its like find a device's facts by the name of the
resource and the device's id. A device of type `pci` must have its address, so a pair has a file
while it has a VF and none while it has not.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from netvsc.model.names import RESOURCE_DOMAIN
from netvsc.model.pair import Pair
from netvsc_deviceplugin.kubelet.owned_files import Shelf

FOLDER = Path("/var/run/k8s.cni.cncf.io/devinfo/dp")
_VERSION = "1.1.0"
_SUFFIX = "-device.json"


def files(
    pairs: Sequence[Pair], *, resources: Mapping[str, str], held: Collection[str]
) -> Mapping[str, bytes]:
    """Return the files of all pairs that are `held`; `resources` are those of the pools by name."""
    return {
        _name(resources[pair.pool], pair.id): _content(pair.vf.pci)
        for pair in pairs
        if pair.vf and pair.id in held and pair.pool in resources
    }


def shelf(folder: Path) -> Shelf:
    return Shelf(folder, prefix=_flat(RESOURCE_DOMAIN), suffix=_SUFFIX)


def _name(resource: str, device: str) -> str:
    return f"{_flat(resource)}-{device}{_SUFFIX}"


def _flat(resource: str) -> str:
    return resource.replace("/", "-")


def _content(pci: str) -> bytes:
    return json.dumps({"type": "pci", "version": _VERSION, "pci": {"pci-address": pci}}).encode()
