"""The words of chaos: who suffers, what is done, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The three pairs of the node, by who has them; the pods are called so too."""

    FORWARDER = "fwd"  # stock testpmd
    WITNESS = "witness"  # follows its pipe as a fail-safe does, and writes down what it reads
    SPARE = "spare"  # a pod that comes and goes, or nobody


APPLICATIONS = (Role.FORWARDER, Role.WITNESS)


class Kind(StrEnum):
    FLAP = "VF away and back"
    REVOKE = "VF away"
    GIVE = "VF back"
    KILL_AGENT = "agent killed"
    KILL_CONTROLLER = "controller killed"
    KILL_WEBHOOK = "a webhook killed"
    KILL_SIDECAR = "sidecar killed"
    KILL_KUBELET = "kubelet killed and started"
    KILL_RUNTIME = "containerd killed and started"
    OVERRUN = "netlink overrun"
    FULL_DISK = "state folder full"
    API_CUT = "apiserver hangs"
    CONTROLLER_CUT = "controller cut off"
    CREATE = "pod created"
    DELETE = "pod deleted"


# What the host does, what churn does; all others are somebody's death or trouble.
OF_A_VF = frozenset({Kind.FLAP, Kind.REVOKE, Kind.GIVE})
OF_A_POD = frozenset({Kind.CREATE, Kind.DELETE})
CUTS = frozenset({Kind.API_CUT, Kind.CONTROLLER_CUT})
TROUBLES = frozenset({Kind.OVERRUN, Kind.FULL_DISK})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`at` is in seconds since the storm began; `seconds` is how long it lasts, if it lasts."""

    at: float
    kind: Kind
    role: Role | None = None
    slot: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        parts = [self.kind.value, *([f"of {self.role}"] if self.role else [])]
        parts += [f"slot {self.slot}"] if self.slot else []
        parts += [f"for {self.seconds:.2f} s"] if self.seconds else []
        return ", ".join(parts)


def lane(step: Step) -> str:
    """Steps of one lane follow each other; lanes run side by side."""
    if step.kind in OF_A_VF:
        return f"host, {step.role}"
    if step.kind in OF_A_POD:
        return "churn"
    if step.kind in CUTS:
        return "cuts"
    return "troubles" if step.kind in TROUBLES else "deaths"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One storm; a quiet follows, in which everything must become right."""

    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """The rounds that one set of pods lives through.

    In an act whose agent is spared every flap must be counted, and no process may grow.
    """

    rounds: tuple[Round, ...]
    spared: frozenset[Kind]

    @property
    def agent_spared(self) -> bool:
        return Kind.KILL_AGENT in self.spared
