"""NetvscNode.status out of what the agent sees. Pure: equal snapshots make equal statuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from netvsc.encoding.timestamps import to_text
from netvsc.model.mac import pair_id
from netvsc.model.names import RESOURCE_DOMAIN
from netvsc.model.pair import Inventory, Pair, Path
from netvsc.model.pool import Pool, Selector
from netvsc.model.status import (
    AgentStatus,
    AllocationStatus,
    Announcement,
    AnnounceState,
    ExcludedStatus,
    NodeStatus,
    PairStatus,
    PoolStatus,
    Summary,
    VfStatus,
)
from netvsc_deviceplugin.cni.attach.checkpoint import Checkpoint, ContainerPhase
from netvsc_deviceplugin.kubelet import verbs_check
from netvsc_deviceplugin.kubelet.podresources import Allocation
from netvsc_deviceplugin.kubelet.verbs_checkpoint import Verbs
from netvsc_deviceplugin.netvscnode import conditions
from netvsc_deviceplugin.netvscnode.conditions import ConditionState
from netvsc_deviceplugin.netvscnode.counts import Count

# What the CRD takes: a status that is refused for a detail would say nothing at all.
_EXCLUDED_MAX, _CONFLICTS_MAX, _MESSAGE_MAX = 256, 64, 1024


@dataclass(frozen=True, slots=True)
class PodAttachment:
    """A pair that goes into a pod: its name on the host and, once it is inside, its name there.

    `uid` is the pod's, where the runtime told it.
    """

    home: str
    interface: str | None = None
    uid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the agent sees at one moment. Mappings are by the id of a pair.

    `ordered` are the announcements that were carried out, `recent` the revocations of a day.
    `states` are the conditions that do not follow from the rest.
    """

    agent: AgentStatus
    generation: int = 0
    inventory: Inventory = field(default_factory=Inventory)
    pools: tuple[Pool, ...] = ()
    allocations: Mapping[str, Allocation] = field(default_factory=dict)
    attachments: Mapping[str, PodAttachment] = field(default_factory=dict)
    allocated_verbs: Verbs = field(default_factory=dict)
    announcements: Mapping[str, Announcement] = field(default_factory=dict)
    ordered: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, Count] = field(default_factory=dict)
    recent: int = 0
    states: tuple[ConditionState, ...] = ()


def attachments_of(checkpoints: Iterable[Checkpoint]) -> Mapping[str, PodAttachment]:
    return {
        pair.id: PodAttachment(
            home=pair.home,
            interface=pair.interface if checkpoint.phase is ContainerPhase.INSIDE else None,
            uid=checkpoint.uid or None,
        )
        for checkpoint in checkpoints
        for pair in checkpoint.pairs
    }


def status_of(snapshot: Snapshot, before: NodeStatus | None, now: float) -> NodeStatus:
    """Return the status; `before` is the one of before, `now` is seconds since the epoch."""
    past = {pair.id: pair for pair in before.pairs} if before else {}
    pairs = tuple(_pair(pair, snapshot, past.get(pair.id)) for pair in snapshot.inventory.pairs)
    pools = tuple(_pool(pool, snapshot) for pool in snapshot.pools)
    states = (*snapshot.states, conditions.unmatched(pools))
    return NodeStatus(
        agent=snapshot.agent,
        summary=Summary(
            pairs=len(pairs),
            free=sum(1 for pair in pairs if not pair.allocation),
            on_vf=sum(1 for pair in pairs if pair.path is Path.VF),
            revoked24h=snapshot.recent,
        ),
        observed_generation=snapshot.generation,
        pools=pools,
        pairs=pairs,
        excluded=_excluded(snapshot.inventory),
        conflicts=_conflicts(snapshot.inventory),
        conditions=conditions.dated(states, before.conditions if before else (), now),
    )


def _excluded(found: Inventory) -> tuple[ExcludedStatus, ...]:
    return tuple(
        ExcludedStatus(
            id=one.id,
            interface=one.interface,
            reason=one.reason.value,
            message=one.message[:_MESSAGE_MAX],
        )
        for one in found.excluded[:_EXCLUDED_MAX]
    )


def _conflicts(found: Inventory) -> tuple[str, ...]:
    texts = (f"{one.interface}: {one.message}" for one in found.conflicts[:_CONFLICTS_MAX])
    return tuple(text[:_MESSAGE_MAX] for text in texts)


def _pair(pair: Pair, snapshot: Snapshot, before: PairStatus | None) -> PairStatus:
    attachment = snapshot.attachments.get(pair.id)
    count = snapshot.counts.get(pair.id, Count())
    return PairStatus(
        id=pair.id,
        netvsc=_home(pair, attachment),
        pool=pair.pool,
        resource=_resource(pair.pool, snapshot.pools),
        path=pair.path,
        vf_seen=pair.vf_seen,
        vmbus=pair.vmbus,
        numa_node=pair.numa_node,
        mtu=pair.mtu,
        addresses=pair.addresses,
        vf=_vf(pair),
        last_vf=None if pair.vf or not before else before.vf or before.last_vf,
        verbs_mismatch=_mismatch(pair, snapshot),
        allocation=_allocation(pair, snapshot, attachment),
        announcement=_announcement(pair.id, snapshot),
        revocations=count.revocations,
        returns=count.returns,
        last_revoked=_time(count.revoked),
        last_returned=_time(count.returned),
        last_outage_seconds=count.outage,
    )


def _home(pair: Pair, attachment: PodAttachment | None) -> str:
    return attachment.home if attachment and pair.netns else pair.netvsc


def _mismatch(pair: Pair, snapshot: Snapshot) -> str | None:
    wrong = verbs_check.mismatch(
        pair, snapshot.allocated_verbs.get(pair.id), snapshot.inventory.pairs
    )
    return wrong[:_MESSAGE_MAX] if wrong else None


def _vf(pair: Pair) -> VfStatus | None:
    if not pair.vf:
        return None
    vf = pair.vf
    return VfStatus(pci=vf.pci, interface=vf.interface, driver=vf.driver, verbs=vf.verbs)


def _allocation(
    pair: Pair, snapshot: Snapshot, attachment: PodAttachment | None
) -> AllocationStatus | None:
    by = snapshot.allocations.get(pair.id)
    if not by:
        return None
    return AllocationStatus(
        namespace=by.namespace,
        pod=by.pod,
        container=by.container,
        resource=by.resource,
        uid=attachment.uid if attachment else None,
        interface=attachment.interface if attachment and pair.netns else None,
        verbs=snapshot.allocated_verbs.get(pair.id, ()),
    )


def _announcement(id_: str, snapshot: Snapshot) -> Announcement | None:
    announcement, ordered = snapshot.announcements.get(id_), snapshot.ordered.get(id_, 0)
    if not announcement and not ordered:
        return None
    return replace(announcement or Announcement(state=AnnounceState.UNKNOWN), ordered=ordered)


def _pool(pool: Pool, snapshot: Snapshot) -> PoolStatus:
    mine = snapshot.inventory.pool(pool.name)
    return PoolStatus(
        name=pool.name,
        resource=pool.resource,
        pairs=len(mine),
        free=sum(1 for pair in mine if pair.id not in snapshot.allocations),
        unmatched=_unmatched(pool, snapshot),
    )


def _unmatched(pool: Pool, snapshot: Snapshot) -> tuple[str, ...]:
    """Return what the pool names and no NIC is called, whoever has that NIC."""
    found, attachments = snapshot.inventory, snapshot.attachments
    ids = {pair.id for pair in found.pairs} | {one.id for one in found.excluded}
    names = {_home(pair, attachments.get(pair.id)) for pair in found.pairs}
    names |= {one.interface for one in found.excluded}
    selector = pool.selector
    macs = [mac for mac in selector.macs if pair_id(mac) not in ids]
    lost = [one for one in selector.interfaces if not _takes(one, names)]
    return (*macs, *lost)


def _takes(glob: str, names: Iterable[str]) -> bool:
    return any(Selector(interfaces=(glob,)).takes_interface(name) for name in names)


def _resource(pool: str, pools: Sequence[Pool]) -> str:
    """Return a pool's resource; one that is gone, with its pairs in use, had the usual."""
    return next((one.resource for one in pools if one.name == pool), f"{RESOURCE_DOMAIN}{pool}")


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else to_text(seconds)
