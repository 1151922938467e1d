"""Follows what others say of NICs, as far as their APIs are there; waits for those that are not.

Not by kopf: it takes up an API that comes later only by watching every CRD of the cluster, and one
that is built in never (docs/decisions/0009-what-kopf-is-for.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from netvsc.model.status import Foreign
from netvsc_operator.api_errors import ApiError
from netvsc_operator.controller.watches.nic_claims import (
    DRANET,
    Allocations,
    NicClaim,
    Offer,
    Slice,
    by_node,
    claim_of,
    foreign,
    multitenant_of,
    nodeinfo_of,
    slice_of,
)
from netvsc_operator.kube import Applied, Event, Kind, Kube, Listed, NotFound, Unavailable, Watch
from netvsc_operator.objects import Object, Scope

log = logging.getLogger(__name__)

_AGAIN_S = 60.0  # an API is installed once in a cluster's life
_RETRY_S = 2.0
_DRA = ("v1", "v1beta2", "v1beta1")  # Kubernetes 1.34, 1.33, 1.32
SLICES = tuple(Kind(group="resource.k8s.io", version=v, plural="resourceslices") for v in _DRA)
CLAIMS = tuple(Kind(group="resource.k8s.io", version=v, plural="resourceclaims") for v in _DRA)
_MULTITENANCY = {"group": "multitenancy.acn.azure.com", "version": "v1alpha1"}
CONFIGS = (Kind(**_MULTITENANCY, plural="multitenantpodnetworkconfigs"),)
NODEINFOS = (Kind(**_MULTITENANCY, plural="nodeinfo"),)


@dataclass(slots=True)
class ClaimSource:
    """One kind of object in the versions to try; `take` reads one and returns the nodes it is of.

    `known` is false until its API was listed, or was found to be absent.
    """

    kinds: tuple[Kind, ...]
    take: Callable[[str, Object | None], Iterable[str]]
    scope: Scope = field(default_factory=Scope)
    known: bool = False
    names: set[str] = field(default_factory=set)


class NicOwners:
    """`changed` is called with the name of each Node whose claims have changed."""

    def __init__(
        self, kube: Kube, changed: Callable[[str], None], *, again_s: float = _AGAIN_S
    ) -> None:
        self._kube = kube
        self._changed = changed
        self._again_s = again_s
        self._slices: dict[str, Slice] = {}
        self._claims: dict[str, Allocations] = {}
        self._offers: dict[str, Offer] = {}
        self._configs: dict[str, Allocations] = {}
        self._by_node: Mapping[str, Iterable[NicClaim]] | None = None  # made at need
        self._sources = (
            ClaimSource(SLICES, self._slice, Scope(fields=f"spec.driver={DRANET}")),
            ClaimSource(CLAIMS, self._claim),
            ClaimSource(CONFIGS, self._config),
            ClaimSource(NODEINFOS, self._offer),
        )

    def of(self, node: str, interfaces: Mapping[str, str]) -> tuple[Foreign, ...] | None:
        """Return the claims on a node's NICs, None while not all is known."""
        if not all(source.known for source in self._sources):
            return None
        if self._by_node is None:
            self._by_node = by_node(
                slices=self._slices.values(),
                claims=self._claims.values(),
                offers=self._offers.values(),
                configs=self._configs.values(),
            )
        return foreign(self._by_node.get(node, ()), interfaces)

    async def run(self, *, everybody: Callable[[], Iterable[str]]) -> None:
        """Follow for ever; `everybody` are the nodes to look at once all is known."""
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._follow(source, everybody))

    async def _follow(self, source: ClaimSource, everybody: Callable[[], Iterable[str]]) -> None:
        kind = await self._served(source, everybody)
        watch = Watch(self._kube, kind, source.scope)
        async with aclosing(watch.events()) as events:
            async for event in events:
                concerned = _taken(source, event)
                self._by_node = None
                for node in concerned:
                    self._changed(node)
                if not source.known:
                    self._learnt(source, everybody)

    async def _served(self, source: ClaimSource, everybody: Callable[[], Iterable[str]]) -> Kind:
        """Return the first version that the apiserver has; wait for one."""
        while True:
            try:
                for kind in source.kinds:
                    if await self._has(kind, source.scope):
                        return kind
                self._learnt(source, everybody)
                pause_s = self._again_s
            except (Unavailable, ApiError) as error:
                log.warning("%s: %s", source.kinds[0], error)
                pause_s = min(_RETRY_S, self._again_s)
            await asyncio.sleep(pause_s)

    async def _has(self, kind: Kind, scope: Scope) -> bool:
        only = Scope(fields=scope.fields or "metadata.name=none", metadata_only=True)
        try:
            await self._kube.list(kind, only)
        except NotFound:
            return False
        return True

    def _learnt(self, source: ClaimSource, everybody: Callable[[], Iterable[str]]) -> None:
        if source.known:
            return
        source.known = True
        if all(one.known for one in self._sources):
            for node in everybody():
                self._changed(node)

    def _slice(self, key: str, thing: Object | None) -> Iterable[str]:
        before = self._slices.pop(key, None)
        now = slice_of(thing, before) if thing else None
        if now:
            self._slices[key] = now
        return {one.node for one in (before, now) if one} if before != now else ()

    def _claim(self, key: str, thing: Object | None) -> Iterable[str]:
        before = self._claims.pop(key, Allocations())
        now = claim_of(thing) if thing else Allocations()
        if now.devices:
            self._claims[key] = now
        pools = {pool for pool, _ in {*before.devices, *now.devices}} if before != now else set()
        return {one.node for one in self._slices.values() if one.pool in pools}

    def _config(self, key: str, thing: Object | None) -> Iterable[str]:
        before = self._configs.pop(key, Allocations())
        now = multitenant_of(thing) if thing else Allocations()
        if now.nics:
            self._configs[key] = now
        return {node for node, _ in {*before.nics, *now.nics}} if before != now else ()

    def _offer(self, key: str, thing: Object | None) -> Iterable[str]:
        before = self._offers.pop(key, None)
        now = nodeinfo_of(thing) if thing else None
        if now:
            self._offers[key] = now
        return {one.node for one in (before, now) if one} if before != now else ()


def _taken(source: ClaimSource, event: Event) -> set[str]:
    """Let a source take an event; return the nodes that it concerns."""
    if isinstance(event, Listed):
        now = {_key(thing): thing for thing in event.objects}
        given: list[tuple[str, Object | None]] = list(now.items())
        given += [(key, None) for key in source.names - now.keys()]
        source.names = set(now)
    elif isinstance(event, Applied):
        source.names.add(_key(event.object))
        given = [(_key(event.object), event.object)]
    else:
        source.names.discard(_key(event.object))
        given = [(_key(event.object), None)]
    return {node for key, thing in given for node in source.take(key, thing)}


def _key(thing: Object) -> str:
    meta = thing["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}"
