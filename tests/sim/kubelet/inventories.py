"""Pairs made by hand, for tests that need an inventory and no kernel."""

from __future__ import annotations

from dataclasses import replace

from netvsc.model.mac import pair_id
from netvsc.model.pair import Inventory, Pair, Path, Uplink, Vf, VfSeen


def pair(
    number: int,
    *,
    pool: str = "pair",
    numa: int | None = 0,
    pci: str | None = None,
    verbs: tuple[str, ...] | None = None,
) -> Pair:
    """Return pair `number`, eth<number>, with its VF there; by default on a PCI function alone."""
    mac = f"00:0d:3a:c0:{number >> 8:02x}:{number & 255:02x}"
    address = pci or f"{number:04x}:00:02.0"
    return Pair(
        id=pair_id(mac),
        mac=mac,
        netvsc=f"eth{number}",
        ifindex=10 + number,
        netns=None,
        vmbus=f"00000000-0000-4000-8000-{number:012x}",
        mtu=1500,
        addresses=(f"10.0.{number >> 8}.{number & 255}/16",),
        pool=pool,
        numa_node=numa,
        path=Path.VF,
        uplink=Uplink.NO,
        vf_seen=VfSeen.PRESENT,
        vf=Vf(
            interface=f"enP{number}s2",
            ifindex=1000 + number,
            pci=address,
            driver="mlx5_core",
            verbs=(f"uverbs{number}",) if verbs is None else verbs,
            joined=True,
        ),
    )


def revoked(one: Pair) -> Pair:
    """Return the pair without its VF."""
    return replace(one, vf=None, path=Path.SYNTHETIC, vf_seen=VfSeen.LOST)


def synthetic(one: Pair) -> Pair:
    """Return the pair of a NIC that never had a VF."""
    return replace(revoked(one), vf_seen=VfSeen.NEVER)


def inventory(*pairs: Pair) -> Inventory:
    return Inventory(pairs=pairs)
