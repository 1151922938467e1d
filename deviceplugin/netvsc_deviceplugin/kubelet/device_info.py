"""What others on the node read of our devices: device-info files and CDI specifications.

Both follow what the node has and who holds it; Allocate waits for them, since the runtime and
Multus read them right after it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from netvsc.model.pair import Inventory
from netvsc.model.pool import Pool
from netvsc_deviceplugin import cdi, devinfo


class Outside:
    """`devinfo` and `cdi` are the folders, None for nothing; `held` tells which pairs are held."""

    def __init__(
        self,
        *,
        devinfo_folder: Path | None,
        cdi_folder: Path | None,
        held: Callable[[], Collection[str]],
        present: Callable[[str], bool],
    ) -> None:
        self._devinfo = devinfo.shelf(devinfo_folder) if devinfo_folder else None
        self._cdi = cdi.shelf(cdi_folder) if cdi_folder else None
        self._held = held
        self._present = present
        self._named: Mapping[str, cdi.Nodes] = {}

    def level(self, pools: Sequence[Pool], inventory: Inventory) -> None:
        """Make the files say what is now."""
        if self._devinfo:
            resources = {pool.name: pool.resource for pool in pools}
            files = devinfo.files(inventory.pairs, resources=resources, held=self._held())
            self._devinfo.keep(files)
        if self._cdi:
            found = cdi.nodes(pools, inventory, self._present)
            self._named = found if self._cdi.keep(cdi.files(found)) else {}

    def named(self, resource: str, ids: Sequence[str]) -> tuple[str, ...]:
        """Return the CDI names of pairs: of those alone that the runtime will find."""
        known = self._named.get(resource, {})
        return tuple(f"{resource}={id_}" for id_ in ids if id_ in known)

    def close(self) -> None:
        """Take the device-info files away, as their specification asks (4.1.1).

        CDI specifications stay: a container that restarts is made from its own again.
        """
        if self._devinfo:
            self._devinfo.keep({})
