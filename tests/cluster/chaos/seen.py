"""What was seen at one moment, and what must be true of it: data alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cluster.chaos.steps import Role

HOME = ""  # the node's own network


class Invariant(StrEnum):
    APPLICATION = "no application restarts"
    ANNOUNCEMENT = "no announcement is stale"
    PAIR = "no pair is lost"
    NAME = "no name is lost"
    STATUS = "status is true within 10 s of quiet"
    EVENT = "each revocation is told once"
    LEAK = "no process grows"
    FORWARDING = "frames flow again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    invariant: Invariant
    what: str

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Netdev:
    """`space` is a network namespace's name, HOME for the node's own."""

    space: str
    name: str
    mac: str
    altnames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One life of an application's process: another one of it differs in something."""

    pid: int
    started: int
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeen:
    uid: str
    restarts: int
    accelerated: str | None = None
    why: str = ""
    ready: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSeen:
    """What NetvscNode says of a pair."""

    path: str
    pci: str | None = None
    holder: str | None = None
    interface: str | None = None
    announced: str | None = None
    line: str | None = None
    taken_at: str | None = None
    last_revoked: str | None = None
    revocations: int = 0
    returns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PipeSeen:
    """What a sidecar says of its pipe."""

    vf: str
    line: str | None = None
    pci: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """`pairs` are by id, `lives` and `pipes` by role, `pods` by name, `spaces` by the pod's name.

    `wires` are the far ends of simulated NICs, which die with the near ones. `left` are files of
    the agent about containers that have pairs.
    """

    netdevs: tuple[Netdev, ...]
    wires: frozenset[str]
    pods: Mapping[str, PodSeen]
    pairs: Mapping[str, PairSeen]
    pipes: Mapping[Role, PipeSeen]
    lives: Mapping[Role, Life]
    spaces: Mapping[str, str] = field(default_factory=dict)
    allocatable: int = 0
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NicTruth:
    """One pair as the host has it: `vf` and `pci` are None while the VF is away."""

    role: Role
    id: str
    name: str
    mac: str
    vf: str | None
    pci: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What must be so in a quiet. `born` are the applications as they were when their act began."""

    namespace: str
    nics: tuple[NicTruth, ...]
    holders: frozenset[Role]
    born: Mapping[Role, Life] = field(default_factory=dict)
