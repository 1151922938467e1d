"""The pools as the webhook knows them: by resource, each in its last good version."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from netvsc.host.log_once import LogOnce
from netvsc.model.pool import Pool
from netvsc_operator.kube import Event, Listed, Removed
from netvsc_operator.objects import Object
from netvsc_operator.pools.registry import registry_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Good:
    uid: str
    created: str
    pool: Pool


class PoolCache:
    """Follows NetvscPools. `by_resource` is None until they were listed; a change makes a new one.

    Of two pools with one resource the older one has it.
    """

    def __init__(self) -> None:
        self.by_resource: Mapping[str, Pool] | None = None
        self._good: dict[str, _Good] = {}
        self._once = LogOnce(log)

    def take(self, event: Event) -> None:
        match event:
            case Listed(objects):
                there = {thing["metadata"]["name"] for thing in objects}
                self._good = {k: v for k, v in self._good.items() if k in there}
                self._read(objects)
            case Removed(thing):
                self._good.pop(thing["metadata"]["name"], None)
            case _:
                self._read([event.object])
        self.by_resource = _by_resource(self._good.values())

    def set(self, pools: Iterable[Pool]) -> None:
        """Take pools that come from a file."""
        self.by_resource = MappingProxyType({pool.resource: pool for pool in pools})

    def trouble(self) -> str | None:
        """Return why no review can be answered, None if one can (a check for /readyz)."""
        return "the pools were not listed yet" if self.by_resource is None else None

    def _read(self, things: Iterable[Object]) -> None:
        for thing in things:
            (judged,) = registry_of([thing]).entries
            meta = thing["metadata"]
            uid, created = meta.get("uid", ""), meta.get("creationTimestamp", "")
            if judged.pool:
                self._good[judged.name] = _Good(uid=uid, created=created, pool=judged.pool)
            elif judged.name in self._good and self._good[judged.name].uid != uid:
                del self._good[judged.name]  # a namesake's
            self._complain(judged.name, judged.refusal)

    def _complain(self, name: str, why: str | None) -> None:
        if why:
            kept = "its last good version stays" if name in self._good else "it is left out"
            self._once.warning(f"pool {name}: {why}; {kept}", about=name, extra={"pool": name})
        else:
            self._once.over(name)


def _by_resource(good: Iterable[_Good]) -> Mapping[str, Pool]:
    found: dict[str, Pool] = {}
    for one in sorted(good, key=lambda one: (one.created, one.pool.name)):
        found.setdefault(one.pool.resource, one.pool)
    return MappingProxyType(found)
