"""Simulated NICs in the node's own network: what the agent of a DaemonSet sees with `--sim`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.kernel.systree import PciFacts, SysTree

if TYPE_CHECKING:
    from cluster.harness import Cluster


FAR = "-far"


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

    def pci_at(self, slot: int) -> str:
        """The VF's address when it is back in another slot; 2 is where it was."""
        return f"{self.pci[:-4]}{slot:02x}.0"


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
        """Take away what is left, wherever it is: a veth ends with its far end, which stays."""
        for far in [name for name in self.on_host() if name.endswith(FAR)]:
            self._ip("link", "delete", far)

    def give(self, nic: Nic) -> None:
        """The VF comes, to the node's own network as ever; an agent brings it to its NetVSC."""
        self.tree.add_pci(PciFacts(address=nic.pci, driver="sim"))
        self._link(nic.vf, nic.mac, alias=f"sim:pci:{nic.pci};master={nic.mac}")

    def revoke(self, nic: Nic) -> None:
        """The VF goes, from whatever network it is in."""
        self._ip("link", "delete", f"{nic.vf}{FAR}")
        self.tree.remove_pci(nic.pci)

    def on_host(self) -> dict[str, str]:
        """The netdevs in the node's own network, with their MACs."""
        told = self._cluster.node.run(["ip", "-json", "link"]).stdout
        return {link["ifname"]: link.get("address", "") for link in json.loads(told)}

    def all_home(self) -> bool:
        """Whether each NetVSC, and each VF there is, is in the node's network under its name."""
        there = self.on_host()
        wanted = {nic.name: nic.mac for nic in NICS}
        wanted |= {nic.vf: nic.mac for nic in NICS if f"{nic.vf}{FAR}" in there}
        return wanted.items() <= there.items()

    def _link(self, name: str, mac: str, *, alias: str) -> None:
        peer = f"{name}{FAR}"
        self._ip("link", "add", name, "address", mac, "type", "veth", "peer", "name", peer)
        # An alias given at creation is dropped. Up first: a netdev with an alias may be moved.
        for end in (peer, name):
            self._ip("link", "set", end, "up")
        self._ip("link", "set", name, "alias", alias)

    def _ip(self, *words: str) -> None:
        self._cluster.node.run(["ip", *words])
