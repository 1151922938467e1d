"""A simulated agent and sidecar: they write NetvscNode.status as the real ones would.

No netdev and no pod's process is behind it. What a test says happens (`revoked`, `returned`, …)
is written at once; `obeying` carries out orders for an announcement as the sidecar's mood is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from netvsc.encoding import timestamps
from netvsc.encoding.serialize import to_plain
from netvsc.model.pair import Path, VfSeen
from netvsc.model.status import (
    AgentStatus,
    AllocationStatus,
    Announcement,
    AnnounceState,
    ApplicationState,
    NodeStatus,
    PairStatus,
    PoolStatus,
    Summary,
    VfStatus,
)
from netvsc_operator.kube import NETVSC_NODES, Kube, Listed, Watch
from netvsc_operator.objects import Scope

STARTED = "2026-01-02T03:04:05.000000Z"


def vf(number: int, *, pci: str | None = None, driver: str = "mlx5_core") -> VfStatus:
    address = pci or f"9b33:00:{number:02x}.0"
    return VfStatus(
        pci=address, interface=f"eth{number}", driver=driver, verbs=(f"uverbs{number}",)
    )


def pair(number: int = 1, *, node: int = 0, **more: Any) -> PairStatus:
    """A pair on its VF, that nobody holds."""
    found = vf(number)
    start = PairStatus(
        id=f"00-0d-3a-{node >> 8 & 255:02x}-{node & 255:02x}-{number:02x}",
        netvsc=f"eth{number}",
        pool="pair",
        resource="netvsc.io/pair",
        path=Path.VF,
        vf_seen=VfSeen.PRESENT,
        vmbus="f8615163-0000-1000-2000-00224844f5b4",
        numa_node=0,
        mtu=1500,
        addresses=("10.0.1.7/24",),
        vf=found,
        last_vf=found,
    )
    return replace(start, **more)


def held(one: PairStatus, *, pod: str = "fwd-0", namespace: str = "default") -> PairStatus:
    """Held by a pod whose application has taken the VF."""
    holder = AllocationStatus(
        namespace=namespace,
        pod=pod,
        container="fwd",
        resource=one.resource,
        interface=f"netvsc{int(one.netvsc.removeprefix('eth')) - 1}",
        verbs=one.vf.verbs if one.vf else (),
    )
    return taken(replace(one, allocation=holder, announcement=Announcement(state=_AWAY)))


_AWAY = AnnounceState.AWAY


def said(one: PairStatus, state: AnnounceState, **more: Any) -> PairStatus:
    assert one.announcement, "hold the pair first"
    return replace(one, announcement=replace(one.announcement, state=state, **more))


def offered(one: PairStatus, **more: Any) -> PairStatus:
    assert one.announcement
    assert one.vf
    facts = {
        "line": one.vf.pci,
        "generation": one.announcement.generation + 1,
        "application": ApplicationState.WAITING,
        "offered_at": timestamps.to_text(time.time()),
        "reason": None,
    }
    return said(one, AnnounceState.OFFERED, **(facts | more))


def taken(one: PairStatus, **more: Any) -> PairStatus:
    there = offered(one)
    assert there.announcement
    facts = {
        "taken_generation": there.announcement.generation,
        "application": ApplicationState.ATTACHED,
        "taken_at": timestamps.to_text(time.time()),
        "guard": "active",
    }
    return said(there, AnnounceState.TAKEN, **(facts | more))


def revoked(one: PairStatus, *, times: int = 1) -> PairStatus:
    gone = replace(
        one,
        path=Path.SYNTHETIC,
        vf_seen=VfSeen.LOST,
        vf=None,
        last_vf=one.vf or one.last_vf,
        revocations=one.revocations + times,
        returns=one.returns + times - 1,
        last_revoked=timestamps.to_text(time.time()),
    )
    return (
        said(gone, _AWAY, line=None, application=ApplicationState.ATTACHED)
        if gone.announcement
        else gone
    )


def returned(one: PairStatus, *, back: VfStatus | None = None) -> PairStatus:
    """Back on its VF; a sidecar that is not deaf has yet to offer it."""
    assert one.last_revoked, "revoke it first"
    now = time.time()
    return replace(
        one,
        path=Path.VF,
        vf_seen=VfSeen.PRESENT,
        vf=back or one.last_vf,
        last_vf=back or one.last_vf,
        returns=one.returns + 1,
        last_returned=timestamps.to_text(now),
        last_outage_seconds=round(now - timestamps.from_text(one.last_revoked), 6),
    )


def status(*pairs: PairStatus, generation: int = 1) -> NodeStatus:
    free = sum(1 for one in pairs if one.allocation is None)
    on_vf = sum(1 for one in pairs if one.path is Path.VF)
    pools = sorted({(one.pool, one.resource) for one in pairs})
    return NodeStatus(
        agent=AgentStatus(version="0.1.0", started=STARTED),
        summary=Summary(pairs=len(pairs), free=free, on_vf=on_vf, revoked24h=0),
        observed_generation=generation,
        pools=tuple(
            PoolStatus(name=name, resource=resource, pairs=len(pairs), free=free)
            for name, resource in pools
        ),
        pairs=pairs,
    )


@dataclass(slots=True)
class SimAgent:
    """One node's agent. `heals_at`: the order of spec.announce from which its sidecar hears."""

    kube: Kube
    name: str
    pairs: dict[str, PairStatus] = field(default_factory=dict)
    heals_at: int = 1
    orders: list[int] = field(default_factory=list)

    async def write(self, *pairs: PairStatus) -> None:
        """Report these pairs, beside those that were reported before."""
        self.pairs |= {one.id: one for one in pairs}
        body = {"status": to_plain(status(*self.pairs.values()))}
        await self.kube.patch(NETVSC_NODES, self.name, body, part="status", manager="sim-agent")

    def __getitem__(self, number: int) -> PairStatus:
        return list(self.pairs.values())[number]

    @asynccontextmanager
    async def obeying(self) -> AsyncIterator[None]:
        """Carry out orders meanwhile."""
        task = asyncio.create_task(self._obey())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _obey(self) -> None:
        watch = Watch(self.kube, NETVSC_NODES, Scope(fields=f"metadata.name={self.name}"))
        async with aclosing(watch.events()) as events:
            async for event in events:
                there = event.objects if isinstance(event, Listed) else (event.object,)
                for thing in there:
                    await self._carry_out((thing.get("spec") or {}).get("announce") or {})

    async def _carry_out(self, announce: dict[str, int]) -> None:
        for key, number in announce.items():
            one = self.pairs[key]
            assert one.announcement
            if number > one.announcement.ordered:
                self.orders.append(number)
                heard = taken(one) if one.vf and number >= self.heals_at else one
                assert heard.announcement
                await self.write(
                    replace(heard, announcement=replace(heard.announcement, ordered=number))
                )
