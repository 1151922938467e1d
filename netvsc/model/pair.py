"""What a node has, as facts: pairs, what is excluded and why, what contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Path(StrEnum):
    """Which way the frames of a pair go."""

    VF = "VF"
    SYNTHETIC = "Synthetic"


class VfSeen(StrEnum):
    """Whether the pair ever had a VF: a NIC without accelerated networking stays at NEVER."""

    NEVER = "never"
    LOST = "lost"
    PRESENT = "present"


class Uplink(StrEnum):
    """Whether the node's default route goes over the pair; UNKNOWN where routes were not read."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """Why a NetVSC is not offered."""

    DEFAULT_ROUTE = "DefaultRoute"
    ADDRESSED = "Addressed"
    SHARED_FUNCTION = "SharedFunction"
    NOT_SELECTED = "NotSelected"
    REQUIRE_VF = "RequireVf"
    FOREIGN_ALLOCATED = "ForeignAllocated"
    FOREIGN_LISTED = "ForeignListed"


class Clash(StrEnum):
    """What contradicts itself on a node."""

    TWO_VFS = "TwoVfs"
    SAME_MAC = "SameMac"
    ALLOCATED_BUT_EXCLUDED = "AllocatedButExcluded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vf:
    """The PCI virtual function of a pair while it is there.

    `joined`: the NetVSC is its master. `verbs`: names of its uverbs devices, none for mlx4_en
    without RDMA. `driver` is None while none is bound.
    """

    interface: str
    ifindex: int
    pci: str
    driver: str | None
    verbs: tuple[str, ...]
    joined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One NIC with accelerated networking: a NetVSC and, while it is there, its VF.

    `id` is the MAC with dashes. `netns` is None in the agent's own. `vmbus` is None where a pool
    forces a netdev that is no NetVSC. `mtu` is in bytes, `addresses` are the NIC's own with their
    prefix, `gateways` at most one of each family.
    """

    id: str
    mac: str
    netvsc: str
    ifindex: int
    netns: str | None
    vmbus: str | None
    mtu: int
    addresses: tuple[str, ...]
    pool: str
    numa_node: int | None
    path: Path
    uplink: Uplink
    vf_seen: VfSeen
    vf: Vf | None
    gateways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    id: str
    interface: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    interface: str
    reason: Clash
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A node at one moment; equal inventories mean that nothing changed."""

    pairs: tuple[Pair, ...] = ()
    excluded: tuple[Exclusion, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    def pool(self, name: str) -> tuple[Pair, ...]:
        """Return the pairs of one pool, in interface order."""
        return tuple(pair for pair in self.pairs if pair.pool == name)
