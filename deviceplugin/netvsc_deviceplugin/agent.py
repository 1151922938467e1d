"""The node agent, put together: the inventory, the device plugins, what is told of them.

Data flows one way: kernel → inventory → plugins → kubelet. What comes back, which pair is held
under which resource, enters as policy: a pair in use stays in its pool.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from prometheus_client import CollectorRegistry

from netvsc import __version__
from netvsc.model.pool import BUILT_IN, Pool
from netvsc.model.status import Foreign
from netvsc_deviceplugin.cni.component import CniComponent, CniMode, CniSettings
from netvsc_deviceplugin.cni.preload import preload_netlink
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.wallclock import WallClock
from netvsc_deviceplugin.inventory import pool_file_watch
from netvsc_deviceplugin.inventory.imds.client import ImdsEndpoint
from netvsc_deviceplugin.inventory.imds.poller import ImdsPoller
from netvsc_deviceplugin.inventory.loop import RESCAN, InventoryLoop
from netvsc_deviceplugin.inventory.match import Policy
from netvsc_deviceplugin.inventory.scan import NetworkState, ScanSource, scan, with_azure
from netvsc_deviceplugin.inventory.vf_events import Returned, Revoked
from netvsc_deviceplugin.kernel.sysfs import Devices
from netvsc_deviceplugin.kubelet import verbs_check
from netvsc_deviceplugin.kubelet.manager import DevicePluginManager
from netvsc_deviceplugin.kubelet.podresources import Allocations
from netvsc_deviceplugin.netvscnode.component import NetvscNodeSync, NodeSettings
from netvsc_deviceplugin.netvscnode.inputs import Inputs
from netvsc_deviceplugin.netvscnode.spec import AcceptedSpec
from netvsc_deviceplugin.sidecar.manager import SidecarManager
from netvsc_deviceplugin.telemetry import http_server
from netvsc_deviceplugin.telemetry.metrics import AgentMetrics
from netvsc_deviceplugin.telemetry.pair_gauges import PairGauges
from netvsc_deviceplugin.telemetry.traffic import TrafficCollector

SCAN_DEADLINE = 3 * RESCAN  # seconds; older, and the agent is not ready

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """Where the agent finds things. `kubelet` is the kubelet's folder, `state` the agent's own.

    None leaves a part out.
    """

    source: ScanSource
    config: Path | None
    listen: str
    kubelet: Path
    state: Path
    dev: Path
    cni: CniSettings | None = None
    imds: ImdsEndpoint | None = None
    devinfo: Path | None = None
    cdi: Path | None = None
    node: NodeSettings | None = None


class Agent:
    """Owns every task and every value that changes."""

    def __init__(self, settings: AgentSettings, registry: CollectorRegistry) -> None:
        """Raise ConfigError if the pool file or the way to the apiserver is wrong at the start."""
        pools = _first_pools(settings)
        self._settings = settings
        self._registry = registry
        self._pools: Latest[tuple[Pool, ...]] = Latest(pools)
        self._allocations: Latest[Allocations] = Latest({})
        self._policy = Latest(Policy(pools=pools))
        metrics = AgentMetrics(registry)
        self._inventory = InventoryLoop(
            source=settings.source,
            policy=self._policy,
            meter=metrics,
            read=self._scan,
            on_event=self._on_vf_event,
        )
        self._foreign: tuple[Foreign, ...] = ()
        self._uninstall = Latest(False)
        self._wallclock = WallClock()
        self._node: NetvscNodeSync | None = None
        if settings.node:
            self._node = NetvscNodeSync(
                settings.node,
                state=settings.state,
                restore=self._inventory.restore,
                wallclock=self._wallclock,
            )
        self._imds = ImdsPoller(settings.imds) if settings.imds else None
        self._leaving = settings.cni is not None and settings.cni.mode is CniMode.OFF
        self._cni: CniComponent | None = None
        self._sidecars: SidecarManager | None = None
        self._metrics = metrics
        self._plugins = DevicePluginManager(
            pools=self._inventory.pools,
            inventory=self._inventory.inventory,
            allocations=self._allocations,
            meter=metrics,
            state=settings.state,
            folder=settings.kubelet / "device-plugins",
            podresources=settings.kubelet / "pod-resources/kubelet.sock",
            dev=settings.dev,
            devinfo=settings.devinfo,
            cdi=settings.cdi,
        )
        now = PairGauges(
            pools=self._pools.get,
            inventory=self._inventory.inventory.get,
            allocations=self._allocations.get,
            allocated_verbs=self._plugins.allocated_verbs,
        )
        registry.register(now)
        registry.register(TrafficCollector(inventory=self._inventory.inventory.get))

    async def run(self) -> None:
        """Run until cancelled; raises what no part could cure."""
        checks = {
            "scan": http_server.fresh(lambda: self._inventory.last_scan, deadline_s=SCAN_DEADLINE),
            "kubelet": http_server.registered(self._plugins.registered, wanted=self._pools.get),
            **({"node": self._node.unknown} if self._node else {}),
        }
        alive = {"scan": checks["scan"]}
        listen = self._settings.listen
        pages = http_server.awaited(listen, registry=self._registry, healthy=alive, ready=checks)
        async with pages as port:
            log.info("netvsc-deviceplugin %s; metrics and health on port %d", __version__, port)
            if self._node:
                self._allocations.set(self._node.begin())
                self._take(self._node.wanted.get())
            # Before anything is offered: a pair in use keeps its place, whatever a scan would say.
            await self._plugins.refresh_allocations()
            self._apply()
            async with self._serving_cni(), asyncio.TaskGroup() as tasks:
                if self._node:
                    tasks.create_task(self._node.run(self._inputs()), name="node")
                    tasks.create_task(self._follow_wanted(self._node), name="wanted")
                if self._cni and self._sidecars:
                    tasks.create_task(self._cni.run(), name="cni")
                    tasks.create_task(self._sidecars.run(), name="sidecars")
                    tasks.create_task(self._ask_who_holds(self._cni), name="who holds")
                    tasks.create_task(self._load_netlink(), name="netlink library")
                await self._start_asking(tasks)
                tasks.create_task(self._inventory.run(), name="inventory")
                tasks.create_task(
                    verbs_check.report(self._inventory.inventory, self._plugins.allocated_verbs)
                )
                tasks.create_task(self._follow(self._pools), name="pools")
                tasks.create_task(self._follow(self._allocations), name="allocations")
                if self._settings.config:
                    tasks.create_task(pool_file_watch.follow(self._settings.config, self._pools))
                # Advertised before the first scan, every pair would be missed for a moment.
                await self._inventory.scanned.wait()
                tasks.create_task(self._plugins.run(), name="plugins")

    async def _start_asking(self, tasks: asyncio.TaskGroup) -> None:
        """Ask Azure for addresses; where pools select by them, the first answer is waited for."""
        if not self._imds:
            return
        inventory = self._inventory
        tasks.create_task(self._imds.run(inventory.inventory, request_scan=inventory.request_scan))
        if any(pool.selector.subnets for pool in self._pools.get()):
            await self._imds.asked.wait()

    @asynccontextmanager
    async def _serving_cni(self) -> AsyncIterator[None]:
        """Answer the runtime before the kubelet hears of us: what it starts must be served."""
        settings = self._settings
        if not settings.cni:
            yield
            return
        if self._leaving:
            log.info("--cni=off after another mode: leaving once no pod has a pair any more")
        self._cni = CniComponent(
            settings.cni,
            source=settings.source,
            state=settings.state,
            podresources=settings.kubelet / "pod-resources/kubelet.sock",
            pools=self._pools.get,
            inventory=self._inventory.inventory.get,
            granted=self._granted,
            request_scan=self._inventory.request_scan,
            gone=self._inventory.gone,
            meter=self._metrics,
            uninstall=Latest(True) if self._leaving else self._uninstall,
        )
        self._sidecars = SidecarManager(
            inside=self._cni.inside,
            allocated_verbs=self._plugins.allocated_verbs,
            meter=self._metrics,
            wallclock=self._wallclock,
        )
        async with self._cni.serving():
            yield

    async def _ask_who_holds(self, cni: CniComponent) -> None:
        """Ask the kubelet when a pair is back: nothing else tells that its pod has ended."""
        async for _ in cni.inside.changes():
            self._plugins.refresh_allocations_soon()

    async def _load_netlink(self) -> None:
        registrations, inventory = self._plugins.registrations, self._inventory.inventory
        await preload_netlink(registered=registrations, inventory=inventory)

    def _inputs(self) -> Inputs:
        inputs = Inputs(
            scanned=self._inventory.scanned,
            inventory=self._inventory.inventory,
            pools=self._inventory.pools,
            allocations=self._allocations,
            registered=self._plugins.registrations,
            podresources=self._plugins.podresources_trouble,
            allocated_verbs=self._plugins.allocated_verbs,
        )
        if not self._cni or not self._sidecars:
            return inputs
        return replace(
            inputs,
            chain_status=self._cni.chain_status,
            chain_wanted=not self._leaving,
            inside=self._cni.inside,
            checkpoints=self._cni.checkpoints,
            announcements=self._sidecars.announcements,
            announce=self._sidecars.announce,
        )

    async def _follow_wanted(self, node: NetvscNodeSync) -> None:
        async for wanted in node.wanted.changes():
            self._take(wanted)
            self._apply()

    def _take(self, wanted: AcceptedSpec) -> None:
        self._foreign = wanted.foreign
        self._uninstall.set(wanted.uninstall)
        self._pools.set(wanted.pools)

    def _on_vf_event(self, event: Revoked | Returned) -> None:
        if self._node:
            self._node.count(event)

    def _granted(self) -> set[str]:
        return {*self._plugins.allocated_verbs(), *self._allocations.get()}

    def _scan(self, source: ScanSource) -> tuple[NetworkState, Devices]:
        network, devices = self._cni.scan(source) if self._cni else scan(source)
        return with_azure(network, self._imds.addresses.get() if self._imds else {}), devices

    async def _follow(self, part: Latest[tuple[Pool, ...]] | Latest[Allocations]) -> None:
        async for _ in part.changes():
            self._apply()

    def _apply(self) -> None:
        held = self._allocations.get().items()
        allocated = {pair: allocation.resource for pair, allocation in held}
        self._policy.set(
            Policy(pools=self._pools.get(), allocated=allocated, foreign=self._foreign)
        )


def _first_pools(settings: AgentSettings) -> tuple[Pool, ...]:
    """Return the pools to begin with: with a NetvscNode none, before it says them."""
    if settings.node:
        return ()
    return pool_file_watch.load(settings.config) if settings.config else (BUILT_IN,)
