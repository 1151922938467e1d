"""What the host does to VFs, and its own record of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from cluster.chaos.reads import Removal
from cluster.chaos.seen import NicTruth
from cluster.stories.story import HOME_SLOT, SLOTS, Vf, seated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.chaos.steps import Role
    from cluster.deployments.simulated_nics import Nic, Nics


class Host:
    """One thread at a time for each NIC."""

    def __init__(self, nics: Nics, several: tuple[Nic, ...]) -> None:
        self._nics = nics
        self._vfs = {nic.name: seated(nic, HOME_SLOT) for nic in several}
        self._away: dict[str, float] = {}
        self._lock = threading.Lock()
        self.removals: list[Removal] = []
        self.revoked: Counter[str] = Counter()

    def give(self, nic: Nic, slot: int) -> None:
        """Nothing where the VF is there."""
        if nic.name in self._away:
            self._vfs[nic.name] = seated(nic, slot if slot in SLOTS else HOME_SLOT)
            self._nics.give(self._vfs[nic.name])
            with self._lock:
                del self._away[nic.name]

    def revoke(self, nic: Nic) -> None:
        if nic.name in self._away:
            return
        vf = self._vfs[nic.name]
        with self._lock:
            self._away[nic.name] = time.monotonic()
            self.removals.append(Removal(vf=vf.vf, began=time.monotonic_ns()))
            self.revoked[nic.id] += 1
        self._nics.revoke(vf)

    def flap(self, nic: Nic, *, seconds: float, slot: int) -> None:
        self.revoke(nic)
        time.sleep(seconds)  # nobody's event: how long the host is busy
        self.give(nic, slot)

    def vf(self, nic: Nic) -> Vf | None:
        return None if nic.name in self._away else self._vfs[nic.name]

    def all_back(self) -> None:
        """Every VF where it was at first."""
        for vf in [*self._vfs.values()]:
            if vf.slot != HOME_SLOT or vf.name in self._away:
                self.revoke(vf)
                self.give(vf, HOME_SLOT)

    def missing_s(self, name: str) -> float | None:
        """For how long a netdev of this name has been no VF; None while it is one."""
        with self._lock:
            for vf in self._vfs.values():
                if vf.vf == name:
                    since = self._away.get(vf.name)
                    return None if since is None else time.monotonic() - since
            gone = [one.began for one in self.removals if one.vf == name]
        return (time.monotonic_ns() - gone[-1]) / 1e9 if gone else float("inf")

    def truth(self, roles: Mapping[Role, Nic]) -> tuple[NicTruth, ...]:
        found = []
        for role, nic in roles.items():
            vf = self.vf(nic)
            there = vf.vf if vf else None
            pci = vf.pci if vf else None
            one = NicTruth(role=role, id=nic.id, name=nic.name, mac=nic.mac, vf=there, pci=pci)
            found.append(one)
        return tuple(found)
