"""The pairs as CDI devices, for runtimes that are told of devices that way. Pure.

Container Device Interface 0.6.0: one file for each resource, one device for each pair with the
nodes that Allocate gives for it alone. A specification without devices is none, and neither is a
device without edits: what would be empty is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from netvsc.model.names import RESOURCE_DOMAIN
from netvsc.model.pair import Inventory, Pair
from netvsc.model.pool import Pool
from netvsc_deviceplugin.kubelet.devices.allocation import grant
from netvsc_deviceplugin.kubelet.owned_files import Shelf

_VERSION = "0.6.0"

Nodes = Mapping[str, tuple[str, ...]]
Present = Callable[[str], bool]


def nodes(pools: Sequence[Pool], inventory: Inventory, present: Present) -> Mapping[str, Nodes]:
    """Return the device nodes of each pair, by resource and id, without what has none.

    A class must begin with a letter: the resource netvsc.io/25g has no devices here.
    """
    found = {
        pool.resource: _nodes(pool, inventory.pool(pool.name), present)
        for pool in pools
        if pool.resource.removeprefix(RESOURCE_DOMAIN)[0].isalpha()
    }
    return {resource: known for resource, known in found.items() if known}


def files(found: Mapping[str, Nodes]) -> Mapping[str, bytes]:
    """Return one file for each resource that has devices."""
    return {
        f"{resource.replace('/', '-')}.json": _content(resource, known)
        for resource, known in found.items()
    }


def _nodes(pool: Pool, pairs: Sequence[Pair], present: Present) -> Nodes:
    given = {
        pair.id: grant([pair], pool=pool, pool_pairs=pairs, present=present).nodes for pair in pairs
    }
    return {id_: paths for id_, paths in given.items() if paths}


def shelf(folder: Path) -> Shelf:
    return Shelf(folder, prefix=RESOURCE_DOMAIN.replace("/", "-"), suffix=".json")


def _content(resource: str, known: Nodes) -> bytes:
    devices = [
        {
            "name": id_,
            "containerEdits": {
                "deviceNodes": [{"path": path, "permissions": "rw"} for path in paths]
            },
        }
        for id_, paths in known.items()
    ]
    return json.dumps({"cdiVersion": _VERSION, "kind": resource, "devices": devices}).encode()
