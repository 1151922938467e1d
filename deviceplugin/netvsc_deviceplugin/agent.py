"""The node agent, put together: the inventory, the device plugins, what is told of them.

Data flows one way: kernel → inventory → plugins → kubelet. What comes back, which pair is held
under which resource, enters as policy: a pair in use stays in its pool.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from netvsc import __version__
from netvsc.pool import BUILT_IN, Pool
from netvsc_deviceplugin import httpd, poolfile, readiness
from netvsc_deviceplugin.cni.half import CniHalf, CniSettings
from netvsc_deviceplugin.host import PluginHost
from netvsc_deviceplugin.inventory import RESCAN, InventoryLoop
from netvsc_deviceplugin.latest import Latest
from netvsc_deviceplugin.match import Policy, World
from netvsc_deviceplugin.metrics import Metrics
from netvsc_deviceplugin.metrics_now import Now
from netvsc_deviceplugin.podresources import Allocations
from netvsc_deviceplugin.scan import Source, scan
from netvsc_deviceplugin.sysfs import Devices

SCAN_DEADLINE = 3 * RESCAN  # seconds; older, and the agent is not ready

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the agent finds things. `kubelet` is the kubelet's folder, `state` the agent's own."""

    source: Source
    config: Path | None
    listen: str
    kubelet: Path
    state: Path
    dev: Path
    cni: CniSettings | None = None


class Agent:
    """Owns every task and every value that changes."""

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        """Raise ConfigError if the pool file is wrong at the start."""
        pools = poolfile.load(settings.config) if settings.config else (BUILT_IN,)
        self._settings = settings
        self._registry = registry
        self._pools: Latest[tuple[Pool, ...]] = Latest(pools)
        self._allocations: Latest[Allocations] = Latest({})
        self._policy = Latest(Policy(pools=pools))
        metrics = Metrics(registry)
        self._inventory = InventoryLoop(
            source=settings.source, policy=self._policy, meter=metrics, read=self._scan
        )
        self._cni: CniHalf | None = None
        self._metrics = metrics
        self._plugins = PluginHost(
            pools=self._pools,
            inventory=self._inventory.inventory,
            allocations=self._allocations,
            metrics=metrics,
            state=settings.state,
            folder=settings.kubelet / "device-plugins",
            podresources=settings.kubelet / "pod-resources/kubelet.sock",
            dev=settings.dev,
        )
        now = Now(
            pools=self._pools.get,
            inventory=self._inventory.inventory.get,
            allocations=self._allocations.get,
        )
        registry.register(now)

    async def run(self) -> None:
        """Run until cancelled; raises what no part could cure."""
        checks = {
            "scan": readiness.fresh(lambda: self._inventory.last_scan, deadline_s=SCAN_DEADLINE),
            "kubelet": readiness.registered(self._plugins.registered),
        }
        alive = {"scan": checks["scan"]}
        listen = self._settings.listen
        with httpd.serving(listen, registry=self._registry, healthy=alive, ready=checks) as port:
            log.info("netvsc-deviceplugin %s; metrics and health on port %d", __version__, port)
            # Before anything is offered: a pair in use keeps its place, whatever a scan would say.
            await self._plugins.look()
            self._apply()
            async with self._serving_cni(), asyncio.TaskGroup() as tasks:
                if self._cni:
                    tasks.create_task(self._cni.run(), name="cni")
                tasks.create_task(self._inventory.run(), name="inventory")
                tasks.create_task(self._follow(self._pools), name="pools")
                tasks.create_task(self._follow(self._allocations), name="allocations")
                if self._settings.config:
                    tasks.create_task(poolfile.follow(self._settings.config, self._pools))
                # Advertised before the first scan, every pair would be missed for a moment.
                await self._inventory.scanned.wait()
                tasks.create_task(self._plugins.run(), name="plugins")

    @asynccontextmanager
    async def _serving_cni(self) -> AsyncIterator[None]:
        """Answer the runtime before the kubelet hears of us: what it starts must be served."""
        settings = self._settings
        if not settings.cni:
            yield
            return
        self._cni = CniHalf(
            settings.cni,
            source=settings.source,
            state=settings.state,
            podresources=settings.kubelet / "pod-resources/kubelet.sock",
            pools=self._pools.get,
            inventory=self._inventory.inventory.get,
            granted=self._granted,
            look=self._inventory.look,
            gone=self._inventory.gone,
            meter=self._metrics,
        )
        async with self._cni.serving():
            yield

    def _granted(self) -> set[str]:
        return {*self._plugins.given(), *self._allocations.get()}

    def _scan(self, source: Source) -> tuple[World, Devices]:
        return self._cni.scan(source) if self._cni else scan(source)

    async def _follow(self, part: Latest[tuple[Pool, ...]] | Latest[Allocations]) -> None:
        async for _ in part.changes():
            self._apply()

    def _apply(self) -> None:
        held = self._allocations.get().items()
        allocated = {pair: allocation.resource for pair, allocation in held}
        self._policy.set(Policy(pools=self._pools.get(), allocated=allocated))
