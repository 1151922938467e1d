"""One pool as the kubelet meets it: its devices, which to prefer, what they bring. No sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from netvsc.errors import RequestError
from netvsc.model.pair import Inventory, Pair
from netvsc.model.pool import Pool
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.kubelet.devices.allocation import Grant, grant
from netvsc_deviceplugin.kubelet.devices.health import (
    Advertisement,
    Device,
    LostSince,
    advertise,
    lost_since,
)
from netvsc_deviceplugin.kubelet.devices.preference import Functions, clash, functions_of, prefer

Later = Callable[[float, Callable[[], None]], asyncio.TimerHandle]


class UnknownPairError(RequestError):
    """This node never had a pair of that id."""


class UnavailablePairError(RequestError):
    """The pair cannot be given now, or not together with the others asked for."""


class Plugin:
    """What is told of one pool; `devices` is what ListAndWatch says.

    `clock` counts seconds; `later(seconds, callback)` is the event loop's call_later, asked only
    while the health of a pair depends on the time.
    """

    def __init__(self, pool: Pool, *, dev: Path, clock: Callable[[], float], later: Later) -> None:
        self.devices: Latest[tuple[Device, ...]] = Latest(())
        self._pool = pool
        self._dev = dev
        self._clock = clock
        self._later = later
        self._timer: asyncio.TimerHandle | None = None
        self._inventory = Inventory()
        self._lost: LostSince = {}
        self._functions: Functions = {}
        self._interfaces: Mapping[str, str] = {}

    def update(self, inventory: Inventory, *, pool: Pool | None = None) -> None:
        """Take what the node has now, and the pool if that changed."""
        self._pool = pool or self._pool
        self._inventory = inventory
        self._functions = functions_of(self._functions, inventory.pairs)
        mine = inventory.pool(self._pool.name)
        self._interfaces = {**self._interfaces, **{pair.id: pair.netvsc for pair in mine}}
        self._lost = lost_since(self._lost, mine, now=self._clock())
        self._publish()

    def close(self) -> None:
        """Stop the timer; call it when nobody looks at the plugin any more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def preferred(
        self, *, available: Collection[str], must: Sequence[str], size: int
    ) -> tuple[str, ...]:
        return prefer(
            self._pairs(),
            available=available,
            must=must,
            size=size,
            functions=self._functions,
        )

    def allocate(self, containers: Sequence[Sequence[str]]) -> tuple[Grant, ...]:
        """Return what each container gets; raises before anything is done for any of them."""
        return tuple(self._grant(ids) for ids in containers)

    def _grant(self, ids: Sequence[str]) -> Grant:
        mine = {pair.id: pair for pair in self._pairs()}
        for id_ in ids:
            if id_ not in mine:
                raise self._refusal(id_)
        if shared := clash(ids, self._functions):
            one, other, pci = shared
            raise UnavailablePairError(
                f"pairs {one} and {other} are ports of one PCI function, {pci}: fail-safe cannot "
                "serve both in one container; ask for one pair in each container"
            )
        return grant(
            [mine[id_] for id_ in ids],
            pool=self._pool,
            pool_pairs=self._pairs(),
            present=self._present,
        )

    def _refusal(self, id_: str) -> RequestError:
        asked = f"pair {id_} of {self._pool.resource}"
        if other := next((pair.pool for pair in self._inventory.pairs if pair.id == id_), None):
            return UnavailablePairError(
                f"{asked}: it belongs to pool {other!r} now; ask for that pool's resource"
            )
        for excluded in self._inventory.excluded:
            if excluded.id == id_:
                return UnavailablePairError(f"{asked} is excluded: {excluded.message}")
        if interface := self._interfaces.get(id_):
            return UnavailablePairError(
                f"{asked} is gone: {interface} is no longer on this node; delete the pod so that "
                "it is scheduled anew"
            )
        return UnknownPairError(f"{asked}: not on this node; `netvsc pairs` shows what is")

    def _pairs(self) -> tuple[Pair, ...]:
        return self._inventory.pool(self._pool.name)

    def _present(self, node: str) -> bool:
        return (self._dev / node.removeprefix("/dev/")).exists()

    def _publish(self) -> None:
        self.close()
        now = self._clock()
        advertisement: Advertisement = advertise(
            self._pairs(),
            lost=self._lost,
            unhealthy_after_s=self._pool.unhealthy_after_s,
            now=now,
        )
        if advertisement.until is not None:
            self._timer = self._later(advertisement.until - now, self._publish)
        self.devices.set(advertisement.devices)
