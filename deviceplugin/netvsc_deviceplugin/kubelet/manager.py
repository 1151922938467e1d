"""The device plugin side of the agent, put together: one plugin per pool, all their tasks owned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from netvsc.model.pair import Inventory
from netvsc.model.pool import Pool
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.kubelet import registration, servicer
from netvsc_deviceplugin.kubelet.device_info import DevicePublisher
from netvsc_deviceplugin.kubelet.devices.allocation import Grant
from netvsc_deviceplugin.kubelet.endpoint import Handlers
from netvsc_deviceplugin.kubelet.plugin import Plugin
from netvsc_deviceplugin.kubelet.podresources import Allocations, PodResources
from netvsc_deviceplugin.kubelet.registration import Registration
from netvsc_deviceplugin.kubelet.servicer import DevicePluginServicer
from netvsc_deviceplugin.kubelet.verbs_checkpoint import Verbs, VerbsCheckpoint

DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
POD_RESOURCES = Path("/var/lib/kubelet/pod-resources/kubelet.sock")


class Meter(registration.Meter, servicer.Meter, Protocol):
    """What is reported, with the pairs that there are."""

    def add_pairs(self, pairs: Iterable[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class _Resource:
    plugin: Plugin
    handlers: Handlers


class DevicePluginManager:
    """Serves every pool to the kubelet and keeps `allocations` as the kubelet tells them.

    `folder` holds kubelet.sock, `podresources` is the socket of that API, `state` is the agent's
    own folder, `dev` is where the host's /dev is seen. `registrations` tells for each resource
    whether the kubelet knows it, `podresources_trouble` why it does not say who holds what.
    `devinfo` and `cdi` are folders for those who read of our devices.
    """

    def __init__(  # noqa: PLR0913 (all the borders of this part of the agent, each by its name)
        self,
        *,
        pools: Latest[tuple[Pool, ...]],
        inventory: Latest[Inventory],
        allocations: Latest[Allocations],
        meter: Meter,
        state: Path,
        folder: Path = DEVICE_PLUGINS,
        podresources: Path = POD_RESOURCES,
        dev: Path = Path("/dev"),
        devinfo: Path | None = None,
        cdi: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pools = pools
        self._inventory = inventory
        self._meter = meter
        self._dev = dev
        self._clock = clock
        self._resources: dict[str, _Resource] = {}
        self._verbs_checkpoint = VerbsCheckpoint(state, clock=clock)
        self._podresources = PodResources(
            podresources, allocations=allocations, on_answer=self._on_answer, clock=clock
        )
        self._allocations = allocations
        self._publisher = DevicePublisher(
            info_folder=devinfo, cdi_folder=cdi, allocated=self._holders, present=self._present
        )
        self._registration = Registration(
            folder=folder,
            meter=meter,
            accepted=lambda _resource: self._podresources.soon(),
            clock=clock,
        )
        self.registrations = self._registration.registered
        self.podresources_trouble = self._podresources.trouble

    def registered(self) -> Mapping[str, bool]:
        """Return the present `registrations`: a function, as http_server.registered wants it."""
        return self.registrations.get()

    def allocated_verbs(self) -> Verbs:
        """Tell which verbs devices the holder of each pair was given."""
        return self._verbs_checkpoint.verbs()

    async def refresh_allocations(self) -> None:
        """Ask the kubelet once who holds what; without an answer nothing is known, for now."""
        await self._podresources.refresh()

    def refresh_allocations_soon(self) -> None:
        """Ask the kubelet again, now and when things have settled."""
        self._podresources.soon()

    async def run(self) -> None:
        """Run until cancelled; raises what one of the parts cannot cure."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_pools(), name="pools")
                tasks.create_task(self._follow_inventory(), name="devices")
                tasks.create_task(self._registration.run(), name="registration")
                tasks.create_task(self._podresources.run(), name="podresources")
        finally:
            for resource in self._resources.values():
                resource.plugin.close()
            self._publisher.close()

    async def _follow_pools(self) -> None:
        async for pools in self._pools.changes():
            self._serve(pools)

    async def _follow_inventory(self) -> None:
        async for inventory in self._inventory.changes():
            self._meter.add_pairs(pair.id for pair in inventory.pairs)
            for resource in self._resources.values():
                resource.plugin.update(inventory)
            self._level()

    def _serve(self, pools: tuple[Pool, ...]) -> None:
        wanted = {pool.resource: pool for pool in pools}
        for name in self._resources.keys() - wanted.keys():
            self._resources.pop(name).plugin.close()
        for name, pool in wanted.items():
            resource = self._resources.get(name) or self._new(pool)
            self._resources[name] = resource
            resource.plugin.update(self._inventory.get(), pool=pool)
        self._level()
        self._registration.want({name: one.handlers for name, one in self._resources.items()})

    def _new(self, pool: Pool) -> _Resource:
        plugin = Plugin(
            pool,
            dev=self._dev,
            clock=self._clock,
            later=asyncio.get_running_loop().call_later,
        )
        service = DevicePluginServicer(
            plugin,
            record=self._record,
            meter=self._meter,
            listeners=partial(self._registration.listeners, pool.resource),
            cdi=partial(self._publisher.cdi_names, pool.resource),
        )
        return _Resource(plugin, service.handlers())

    def _record(self, grants: tuple[Grant, ...]) -> None:
        for grant in grants:
            self._verbs_checkpoint.give(grant.verbs)
        self._level()
        self._podresources.soon()

    def _on_answer(self, holders: Collection[str], shown: Collection[str]) -> None:
        self._verbs_checkpoint.prune(holders, shown=shown)
        if self._resources:  # before that the node was not scanned: everything would seem gone
            self._level()

    def _level(self) -> None:
        self._publisher.sync(self._pools.get(), self._inventory.get())

    def _holders(self) -> set[str]:
        return {*self._verbs_checkpoint.verbs(), *self._allocations.get()}

    def _present(self, node: str) -> bool:
        return (self._dev / node.removeprefix("/dev/")).exists()
