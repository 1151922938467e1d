"""Simulated NICs in the node's own network: what the agent of a DaemonSet sees with `--sim`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.systree import PciFacts, SysTree

if TYPE_CHECKING:
    from cluster.harness import Cluster


@dataclass(frozen=True, slots=True)
class Nic:
    """One pair: a NetVSC, and the VF it has while it is accelerated."""

    name: str
    mac: str
    guid: str
    pci: str

    @property
    def id(self) -> str:
        return self.mac.replace(":", "-")

    @property
    def vf(self) -> str:
        return f"v{self.name}"


NICS = tuple(
    Nic(
        name=f"eth{number}",
        mac=f"00:0d:3a:c0:00:{number:02x}",
        guid=f"000d3ac0-00{number:02x}-000d-3ac0-00{number:02x}000d3ac0",
        pci=f"9b3{number}:00:02.0",
    )
    for number in (1, 2, 3)
)


class Nics:
    """A node with accelerated NICs beside its uplink, and the /sys tree that would go with them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.tree = SysTree(cluster.layout.run / "simulated-sys")

    def add(self) -> None:
        for nic in NICS:
            self.tree.add_netvsc(nic.guid)
            self._link(nic.name, nic.mac, alias=f"sim:vmbus:{nic.guid}")
            self.give(nic)

    def remove(self) -> None:
        for nic in NICS:
            self._ip("link", "delete", nic.name)
            self._cluster.node.run(["ip", "link", "delete", nic.vf], check=False)

    def give(self, nic: Nic) -> None:
        self.tree.add_pci(PciFacts(address=nic.pci, driver="sim"))
        self._link(nic.vf, nic.mac, alias=f"sim:pci:{nic.pci};master={nic.mac}")

    def revoke(self, nic: Nic) -> None:
        self._ip("link", "delete", nic.vf)
        self.tree.remove_pci(nic.pci)

    def _link(self, name: str, mac: str, *, alias: str) -> None:
        self._ip("link", "add", name, "address", mac, "type", "veth", "peer", "name", f"{name}-far")
        # An alias given at creation is dropped.
        self._ip("link", "set", name, "alias", alias)
        for end in (name, f"{name}-far"):
            self._ip("link", "set", end, "up")

    def _ip(self, *words: str) -> None:
        self._cluster.node.run(["ip", *words])
