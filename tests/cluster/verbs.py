"""NICs with verbs devices on a simulated node: their /sys tree, and their nodes in its /dev.

A VF's verbs device goes by its slot, so that a return to another slot permutes the numbers, and the
sidecar's image, which cannot change, knows them all beforehand.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.deployments.simulated_nics import NICS
from sim.kernel.systree import PciFacts, SysTree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nic
    from cluster.harness import Cluster

# Below the agent's own folder, which its container sees.
TREE = "/run/netvsc/simulated"
_DRIVER = "mlx5_core"  # one of those of which the sidecar expects a verbs device
# The machine's /dev is everybody's: the node gets a layer of its own over it.
_LAYER = """
mkdir -p /run/verbs/dev /run/verbs/upper /run/verbs/work
mount -t overlay overlay /run/verbs/dev \
  -o lowerdir=/dev,upperdir=/run/verbs/upper,workdir=/run/verbs/work
for name in pts shm; do mount --rbind /dev/$name /run/verbs/dev/$name; done
mkdir /run/verbs/dev/infiniband
for number in 0 1 2; do
  mknod -m 666 /run/verbs/dev/infiniband/uverbs$number c 231 $((192 + number))
done
mount --rbind /run/verbs/dev /dev
"""
_PEEL = f"umount -lR /dev; umount -lR /run/verbs/dev; rm -r /run/verbs {TREE}"


def with_verbs(nic: Nic, slot: int) -> PciFacts:
    """The first two NICs have each other's number in the slots with odd ones."""
    place = NICS.index(nic)
    number = place ^ (slot % 2) if place < 2 else place
    verbs = ((f"uverbs{number}", f"mlx5_{number}"),)
    return PciFacts(address=nic.pci_at(slot), driver=_DRIVER, verbs=verbs)


class VerbsTree(SysTree):
    """A tree to which every VF comes with the verbs device of its slot."""

    def add_pci(self, facts: PciFacts) -> Path:
        found = {nic.pci_at(slot): (nic, slot) for nic in NICS for slot in range(2, 10)}
        return super().add_pci(with_verbs(*found[facts.address]))


@contextmanager
def devices(cluster: Cluster) -> Iterator[VerbsTree]:
    """The node has verbs devices, and a tree that shows them where its VFs are now."""
    cluster.node.run(["sh", "-ec", _LAYER])
    tree = VerbsTree(Path(f"/proc/{cluster.node.pid}/root{TREE}"))
    for nic in NICS:
        tree.add_netvsc(nic.guid)
        tree.add_pci(PciFacts(address=nic.pci))
    try:
        yield tree
    finally:
        cluster.node.run(["sh", "-ec", _PEEL])
