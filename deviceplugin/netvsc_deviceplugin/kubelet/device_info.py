"""What is published of our devices: NPWG device-info files and CDI specifications.

Both follow what the node has and who holds it; Allocate waits for them, since the runtime and
Multus read them right after it.

Device Information Specification 1.1.0 of the Network Plumbing Working Group: Multus and its like
find a device's facts by the name of the resource and the device's id. A device of type `pci` must
have its address, so a pair has a file while it has a VF and none while it has not.

Container Device Interface 0.6.0: one file for each resource, one device for each pair with the
nodes that Allocate gives for it alone. A specification without devices is none, and neither is a
device without edits: what would be empty is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from netvsc.model.names import RESOURCE_DOMAIN
from netvsc.model.pair import Inventory, Pair
from netvsc.model.pool import Pool
from netvsc_deviceplugin.kubelet.devices.allocation import grant
from netvsc_deviceplugin.kubelet.owned_files import OwnedFiles

INFO_FOLDER = Path("/var/run/k8s.cni.cncf.io/devinfo/dp")
_INFO_VERSION, _INFO_SUFFIX = "1.1.0", "-device.json"
_CDI_VERSION = "0.6.0"

Nodes = Mapping[str, tuple[str, ...]]
Present = Callable[[str], bool]


class DevicePublisher:
    """Both folders may be None, for nothing; `allocated` tells which pairs are held."""

    def __init__(
        self,
        *,
        info_folder: Path | None,
        cdi_folder: Path | None,
        allocated: Callable[[], Collection[str]],
        present: Present,
    ) -> None:
        self._info = owned_info(info_folder) if info_folder else None
        self._cdi = owned_cdi(cdi_folder) if cdi_folder else None
        self._allocated = allocated
        self._present = present
        self._published: Mapping[str, Nodes] = {}

    def sync(self, pools: Sequence[Pool], inventory: Inventory) -> None:
        """Make the files say what is now."""
        if self._info:
            resources = {pool.name: pool.resource for pool in pools}
            files = info_files(inventory.pairs, resources=resources, allocated=self._allocated())
            self._info.sync(files)
        if self._cdi:
            found = cdi_nodes(pools, inventory, self._present)
            self._published = found if self._cdi.sync(cdi_files(found)) else {}

    def cdi_names(self, resource: str, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the CDI names of pairs: of those alone that the runtime will find."""
        known = self._published.get(resource, {})
        return tuple(f"{resource}={id_}" for id_ in ids if id_ in known)

    def close(self) -> None:
        """Take the device-info files away, as their specification asks (4.1.1).

        CDI specifications stay: a container that restarts is made from its own again.
        """
        if self._info:
            self._info.sync({})


def owned_info(folder: Path) -> OwnedFiles:
    return OwnedFiles(folder, prefix=_flat(RESOURCE_DOMAIN), suffix=_INFO_SUFFIX)


def owned_cdi(folder: Path) -> OwnedFiles:
    return OwnedFiles(folder, prefix=_flat(RESOURCE_DOMAIN), suffix=".json")


def info_files(
    pairs: Sequence[Pair], *, resources: Mapping[str, str], allocated: Collection[str]
) -> Mapping[str, bytes]:
    """Return the files of `allocated` pairs; `resources` are those of the pools by name."""
    return {
        f"{_flat(resources[pair.pool])}-{pair.id}{_INFO_SUFFIX}": _info(pair.vf.pci)
        for pair in pairs
        if pair.vf and pair.id in allocated and pair.pool in resources
    }


def cdi_nodes(pools: Sequence[Pool], inventory: Inventory, present: Present) -> Mapping[str, Nodes]:
    """Return the device nodes of each pair, by resource and id, without what has none.

    A class must begin with a letter: the resource netvsc.io/25g has no devices here.
    """
    found = {
        pool.resource: _nodes(pool, inventory.pool(pool.name), present)
        for pool in pools
        if pool.resource.removeprefix(RESOURCE_DOMAIN)[0].isalpha()
    }
    return {resource: known for resource, known in found.items() if known}


def cdi_files(found: Mapping[str, Nodes]) -> Mapping[str, bytes]:
    """Return one file for each resource that has devices."""
    return {f"{_flat(resource)}.json": _cdi(resource, known) for resource, known in found.items()}


def _flat(resource: str) -> str:
    return resource.replace("/", "-")


def _info(pci: str) -> bytes:
    content = {"type": "pci", "version": _INFO_VERSION, "pci": {"pci-address": pci}}
    return json.dumps(content).encode()


def _nodes(pool: Pool, pairs: Sequence[Pair], present: Present) -> Nodes:
    nodes = {
        pair.id: grant([pair], pool=pool, pool_pairs=pairs, present=present).nodes for pair in pairs
    }
    return {id_: paths for id_, paths in nodes.items() if paths}


def _cdi(resource: str, known: Nodes) -> bytes:
    devices = [
        {
            "name": id_,
            "containerEdits": {
                "deviceNodes": [{"path": path, "permissions": "rw"} for path in paths]
            },
        }
        for id_, paths in known.items()
    ]
    return json.dumps({"cdiVersion": _CDI_VERSION, "kind": resource, "devices": devices}).encode()
