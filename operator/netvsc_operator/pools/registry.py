"""Which NetvscPools are in force, and why the others are not. Pure.

A pool that netvsc.model.pool refuses keeps its last good version, which stands as an annotation of
the NetvscPool: a controller that starts anew finds it there. Of two pools with one resource
the older stays: a new one takes nothing away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from netvsc.errors import ConfigError
from netvsc.model.pool import Pool, pool_from
from netvsc_operator.objects import Object

ANNOTATION = "netvsc.io/last-accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePool:
    """A pool that serves; `compiled` is what agents read, the nodeSelector done with."""

    pool: Pool
    compiled: Object


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolEntry:
    """One NetvscPool. `refusal` and `conflict` are sentences, None where all is well.

    `accepted` is the last good spec.
    """

    object: Object
    pool: Pool | None
    accepted: Object | None
    refusal: str | None = None
    conflict: str | None = None

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """`pools` are in force, the highest priority first; `entries` are all, by name."""

    pools: tuple[ActivePool, ...] = ()
    entries: tuple[PoolEntry, ...] = ()


def registry_of(objects: Iterable[Object]) -> Registry:
    entries = _apart([_entry(one) for one in sorted(objects, key=_age)])
    serving = [
        ActivePool(pool=one.pool, compiled=_compiled(one))
        for one in entries
        if one.pool is not None and one.conflict is None
    ]
    serving.sort(key=lambda one: (-one.pool.priority, one.pool.name))
    return Registry(pools=tuple(serving), entries=tuple(entries))


def _age(thing: Object) -> tuple[str, str]:
    meta = thing["metadata"]
    return str(meta.get("creationTimestamp", "")), str(meta["name"])


def _entry(thing: Object) -> PoolEntry:
    name, spec = thing["metadata"]["name"], thing.get("spec") or {}
    try:
        return PoolEntry(object=thing, pool=_pool(name, spec), accepted=spec)
    except ConfigError as error:
        pool, last = _last_good(thing)
        return PoolEntry(object=thing, pool=pool, accepted=last, refusal=str(error))


def _pool(name: str, spec: Object) -> Pool:
    return pool_from({"name": name, **spec}, ("spec",))


def _last_good(thing: Object) -> tuple[Pool | None, Object | None]:
    kept = (thing["metadata"].get("annotations") or {}).get(ANNOTATION)
    try:
        spec = json.loads(kept) if kept else None
        return (_pool(thing["metadata"]["name"], spec), spec) if spec is not None else (None, None)
    except (ValueError, TypeError, ConfigError):
        return None, None


def _apart(entries: list[PoolEntry]) -> list[PoolEntry]:
    """Mark pools whose resource an older one has."""
    owners: dict[str, str] = {}
    found = []
    for one in entries:
        if one.pool is None:
            found.append(one)
            continue
        first = owners.setdefault(one.pool.resource, one.name)
        clash = None if first == one.name else _clash(one.pool.resource, first)
        found.append(replace(one, conflict=clash))
    return found


def _clash(resource: str, first: str) -> str:
    return f"{resource} is NetvscPool {first}'s already: give this pool a resource of its own"


def _compiled(one: PoolEntry) -> Object:
    spec = {key: value for key, value in (one.accepted or {}).items() if key != "nodeSelector"}
    return {"name": one.name, **spec}
