"""NetvscNode.status: what an agent says of its node. The controller and people read it.

Times are RFC 3339 with microseconds, as Kubernetes' MicroTime (`netvsc.encoding.timestamps`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from netvsc.model.pair import Path, VfSeen


class AnnounceState(StrEnum):
    """How far the announcement of a pair's VF has come, as its sidecar says."""

    UNKNOWN = "Unknown"  # no sidecar answers
    UNOPENED = "Unopened"  # no application has opened the pipe
    AWAY = "Away"  # there is no VF
    WITHHELD = "Withheld"  # there is one, and a reason not to offer it
    OFFERED = "Offered"  # the line is in the pipe
    TAKEN = "Taken"  # the application read it
    OTHER = "Other"  # what only a later version knows


class ApplicationState(StrEnum):
    """What the application does with the pipe, as its sidecar says."""

    NOT_OPENED = "NotOpened"  # nobody has the pipe open
    OPENED = "Opened"  # it has, and has read nothing yet
    WAITING = "Waiting"  # it waits for a VF
    ATTACHED = "Attached"  # it asks for none: it has one, or has not lost it yet
    OTHER = "Other"  # what only a later version knows

    @classmethod
    def _missing_(cls, value: object) -> ApplicationState | None:
        return _FORMER.get(value)


# What earlier versions wrote, and may still write or keep while a cluster is upgraded.
_FORMER: Mapping[object, ApplicationState] = {
    "unopened": ApplicationState.NOT_OPENED,
    "opened": ApplicationState.OPENED,
    "hungry": ApplicationState.WAITING,
    "served": ApplicationState.ATTACHED,
}

STARTING = "Starting"  # reason of UNKNOWN: no sidecar has answered for this pod yet


class Truth(StrEnum):
    """The status of a condition."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """`generation` counts the sidecar's offers and starts anew with it.

    `ordered` is the last generation of spec.announce that was carried out. `reason` says why a VF
    is withheld. `guard` is as docs/fdpipe.md has it, `failed_plugs` counts lines that were taken
    to no effect.
    """

    state: AnnounceState
    reason: str | None = None
    line: str | None = None
    generation: int = 0
    taken_generation: int = 0
    ordered: int = 0
    application: ApplicationState | None = None
    guard: str | None = None
    failed_plugs: int = 0
    offered_at: str | None = None
    taken_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VfStatus:
    """The VF as it is, or (`lastVf`) as it was when it was last there."""

    pci: str
    interface: str
    driver: str | None = None
    verbs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationStatus:
    """Who holds a pair. `interface` is its name in the pod, None while it is on the host.

    `verbs` are the devices that the container was given, `uid` the pod's, where it is known.
    """

    namespace: str
    pod: str
    container: str
    resource: str
    uid: str | None = None
    interface: str | None = None
    verbs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PairStatus:
    """One pair. `addresses` are the NIC's own, with prefix; `mtu` is in bytes.

    `revocations` and `returns` count since the NetvscNode was made. `last_vf` outlives the VF.
    `verbs_mismatch` says which verbs device should be there and which is.
    """

    id: str
    netvsc: str
    pool: str
    resource: str
    path: Path
    vf_seen: VfSeen
    vmbus: str | None = None
    numa_node: int | None = None
    mtu: int = 0
    addresses: tuple[str, ...] = ()
    vf: VfStatus | None = None
    last_vf: VfStatus | None = None
    verbs_mismatch: str | None = None
    allocation: AllocationStatus | None = None
    announcement: Announcement | None = None
    revocations: int = 0
    returns: int = 0
    last_revoked: str | None = None
    last_returned: str | None = None
    last_outage_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedStatus:
    id: str
    interface: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatus:
    """A pool on this node; `unmatched` are the MACs and interfaces that it names and nobody has."""

    name: str
    resource: str
    pairs: int
    free: int
    unmatched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """As Kubernetes writes them (KEP-1623)."""

    type: str
    status: Truth
    reason: str
    message: str
    last_transition_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """For `kubectl get nvn`; `revoked24h` are revocations of the last 24 hours, of all pairs."""

    pairs: int
    free: int
    on_vf: int
    revoked24h: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatus:
    version: str
    started: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """`conflicts` are sentences. `observed_generation` is that of the spec in force."""

    agent: AgentStatus
    summary: Summary
    observed_generation: int = 0
    pools: tuple[PoolStatus, ...] = ()
    pairs: tuple[PairStatus, ...] = ()
    excluded: tuple[ExcludedStatus, ...] = ()
    conflicts: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()


class ForeignState(StrEnum):
    """How far another driver has a NIC: it may give it away, or has."""

    LISTED = "listed"
    ALLOCATED = "allocated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A NIC that somebody else claims; `owner` is a driver's name such as `dra.net`."""

    interface: str
    owner: str
    state: ForeignState


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSpec:
    """NetvscNode.spec: what the controller asks of an agent.

    `pools` are as in docs/pools.md, those that select the node; `announce` orders, by pair id, an
    announcement each time the number grows; `uninstall` asks to leave the CNI chain.
    """

    pools: tuple[object, ...] = ()
    announce: Mapping[str, int] = field(default_factory=dict)
    foreign: tuple[Foreign, ...] = ()
    uninstall: bool = False
