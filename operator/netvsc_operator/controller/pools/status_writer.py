"""NetvscPools as they are, the registry made of them, and their status, at most once a second."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Collection

from netvsc.encoding import timestamps
from netvsc_operator.controller.cache import Cache
from netvsc_operator.controller.pools import node_spec
from netvsc_operator.controller.pools import status as poolstatus
from netvsc_operator.kube import NETVSC_POOLS, ApiError, Kube, NotFound, Unavailable
from netvsc_operator.objects import Object
from netvsc_operator.pools.registry import ANNOTATION, PoolEntry, Registry, registry_of

log = logging.getLogger(__name__)

_PACE_S = 1.0
_MANAGER = "netvsc-controller"


class PoolStatusWriter:
    """`clock` is the wall clock, in seconds."""

    def __init__(self, kube: Kube, cache: Cache, *, clock: Callable[[], float] = time.time) -> None:
        self._kube = kube
        self._cache = cache
        self._clock = clock
        self._objects: dict[str, Object] = {}
        self._due = asyncio.Event()
        self.registry = Registry()

    async def read(self) -> None:
        """Know all pools before the first node is looked at: without them it would lose its own."""
        listing = await self._kube.list(NETVSC_POOLS)
        self._objects = {one["metadata"]["name"]: one for one in listing.items}
        self.registry = registry_of(self._objects.values())
        self.schedule()

    def take(self, thing: Object, *, gone: bool) -> bool:
        """Note a NetvscPool; return whether other pools are in force now."""
        name = thing["metadata"]["name"]
        if gone:
            self._objects.pop(name, None)
        else:
            self._objects[name] = thing
        before, self.registry = self.registry, registry_of(self._objects.values())
        self.schedule()
        return before.pools != self.registry.pools

    def names(self) -> Collection[str]:
        return self._objects.keys()

    def schedule(self) -> None:
        """Have the status of the pools looked at soon."""
        self._due.set()

    async def run(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            await self._write_all()
            await asyncio.sleep(_PACE_S)

    async def _write_all(self) -> None:
        pools = self.registry.pools
        chosen = (
            [one.pool.name for one in pools if node_spec.matches(node.labels, one)]
            for node in self._cache.nodes.values()
        )
        totals = poolstatus.totals(chosen, self._cache.reported())
        for one in self.registry.entries:
            try:
                await self._write(one, totals.get(one.name, poolstatus.PoolTotals()))
            except NotFound:
                continue
            except (ApiError, Unavailable) as error:
                log.warning("status of NetvscPool %s: %s", one.name, error)
                self.schedule()

    async def _write(self, one: PoolEntry, total: poolstatus.PoolTotals) -> None:
        """Patch what differs."""
        kept = json.dumps(one.accepted, sort_keys=True) if one.refusal is None else None
        annotations = one.object["metadata"].get("annotations") or {}
        if kept and annotations.get(ANNOTATION) != kept:
            patch = {"metadata": {"annotations": {ANNOTATION: kept}}}
            await self._kube.patch(NETVSC_POOLS, one.name, patch, manager=_MANAGER)
        status = poolstatus.status(one, total, now=timestamps.to_text(self._clock()))
        if status != one.object.get("status"):
            body = {"status": status}
            await self._kube.patch(NETVSC_POOLS, one.name, body, part="status", manager=_MANAGER)
