"""The controller's process: everything is started here, owned here, and ends together."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from netvsc.errors import RequestError
from netvsc.host.log_once import LogOnce
from netvsc_operator.certificates import manager
from netvsc_operator.controller.cache import Cache
from netvsc_operator.controller.events.pods import Pods
from netvsc_operator.controller.events.reannounce import SCHEDULE, RetrySchedule, StateTimer
from netvsc_operator.controller.events.recorder import Recorder
from netvsc_operator.controller.events.reporter import Reporter
from netvsc_operator.controller.health import serving
from netvsc_operator.controller.metrics import ControllerMetrics
from netvsc_operator.controller.pools.status_writer import PoolStatusWriter
from netvsc_operator.controller.reconciler import Reconciler
from netvsc_operator.controller.watches import kopf_handlers, kopf_process
from netvsc_operator.controller.watches.event_sink import EventSink
from netvsc_operator.controller.watches.kopf_session import WatchLiveness
from netvsc_operator.controller.watches.nic_owners import NicOwners
from netvsc_operator.controller.workqueue import WorkQueue
from netvsc_operator.kube import NETVSC_NODES, ApiError, Kube, NotFound, Unavailable
from netvsc_operator.objects import Scope

log = logging.getLogger(__name__)

_WORKERS = 16  # requests under way at once: the apiserver's latency hides, its queue stays short
_STUCK_S = 120.0  # longer than any single request's time limit
_BEHIND_S = 30.0
_AGAIN_S = 2.0
_INSTALL = "; install the kinds with `netvsc-operator crds`"
_REFUSED_S = 30.0  # what was refused is not asked again at once


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """`certificates`: whose this process makes and renews, None leaves them alone."""

    listen: str
    schedule: RetrySchedule = SCHEDULE
    certificates: manager.CertificateSettings | None = None


class _Stop(Exception):  # noqa: N818 (no error)
    """SIGTERM or SIGINT."""


class ControllerProcess:
    """One controller. `run` returns after SIGTERM."""

    def __init__(self, settings: ControllerSettings, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._registry = registry
        self._metrics = ControllerMetrics(registry)
        self._liveness = WatchLiveness(kopf_handlers.PATHS)
        self._queue = WorkQueue(time.monotonic)
        self._cache = Cache(self._queue)
        self._not_begun: str | None = "the apiserver was not asked yet"
        self._there = asyncio.Event()
        counts = {
            "nodes": ("NetvscNodes known.", lambda: len(self._cache.summaries)),
            "queue": ("Nodes waiting to be looked at.", lambda: len(self._queue)),
        }
        for name, (text, value) in counts.items():
            self._metrics.add_gauge(f"netvsc_controller_{name}", text, value)

    async def run(self, kube: Kube) -> None:
        health = serving(
            self._settings.listen,
            registry=self._registry,
            healthy={"watches": self._liveness.stopped, "workers": self._stuck},
            ready={
                "start": lambda: self._not_begun or self._liveness.incomplete(),
                "work": self._behind,
            },
        )
        async with health as port:
            log.info("health on port %d", port)
            await self._until_signal(kube)

    async def _until_signal(self, kube: Kube) -> None:
        stop = asyncio.Event()
        _on_signals(stop)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_end(stop))
                group.create_task(self._work(kube, stop))
                if self._settings.certificates:
                    group.create_task(self._certify(kube, self._settings.certificates))
        except* _Stop:
            log.info("stopped")

    async def _work(self, kube: Kube, stop: asyncio.Event) -> None:
        pools = PoolStatusWriter(kube, self._cache)
        nic_owners = NicOwners(kube, self._queue.add)
        reconciler = Reconciler(
            kube,
            cache=self._cache,
            reporter=self._reporter(kube),
            nic_owners=nic_owners,
            pools=pools,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(pools.run())
            group.create_task(self._follow(nic_owners))
            for _ in range(_WORKERS):
                group.create_task(self._reconcile(reconciler))
            await self._listen(kube, pools, stop)

    async def _follow(self, nic_owners: NicOwners) -> None:
        await self._there.wait()
        await nic_owners.run(everybody=lambda: list(self._cache.names()))

    async def _certify(self, kube: Kube, settings: manager.CertificateSettings) -> None:
        await manager.keep(kube, settings, expires=self._metrics.expires())

    def _reporter(self, kube: Kube) -> Reporter:
        return Reporter(
            recorder=Recorder(kube, self._metrics),
            pods=Pods(kube),
            cache=self._cache,
            timer=StateTimer(time.monotonic, self._settings.schedule),
            meter=self._metrics,
        )

    async def _begin(self, kube: Kube, pools: PoolStatusWriter) -> None:
        """Wait for the apiserver and our kinds: kopf takes up only what is there when it starts."""
        troubles = LogOnce(log)
        while True:
            try:
                await kube.list(NETVSC_NODES, Scope(fields="metadata.name=none"))
                await pools.read()
            except (Unavailable, ApiError) as error:
                why = f"{error}{_INSTALL if isinstance(error, NotFound) else ''}"
                troubles.warning(why)
                self._not_begun = why
                await asyncio.sleep(_AGAIN_S)
            else:
                self._not_begun = None
                self._there.set()
                return

    async def _listen(self, kube: Kube, pools: PoolStatusWriter, stop: asyncio.Event) -> None:
        handlers = kopf_handlers.registry(
            EventSink(self._cache, pools),
            connection=kube.connection,
            liveness=self._liveness,
            begin=lambda: self._begin(kube, pools),
        )
        # kopf takes the signals; its way out would wait for tasks that are ours.
        await kopf_process.watch(
            handlers, kopf_handlers.settings, started=lambda: _on_signals(stop)
        )

    async def _reconcile(self, reconciler: Reconciler) -> None:
        while True:
            name, waited_s = await self._queue.take()
            began = time.monotonic()
            try:
                await reconciler.reconcile(name)
            except Unavailable as error:
                self._failed(name, error, after_s=error.after_s)
            except RequestError as error:
                self._failed(name, error, after_s=_REFUSED_S)
            else:
                self._queue.done(name)
                self._metrics.looked(waited_s + time.monotonic() - began)

    def _failed(self, name: str, error: Exception, *, after_s: float) -> None:
        log.warning("node %s: %s", name, error)
        self._metrics.failed()
        self._cache.doubt(name)
        self._queue.failed(name, after_s=after_s)

    def _stuck(self) -> str | None:
        waits = self._queue.oldest_s()
        return f"a node waits for {waits:.0f} s" if waits > _STUCK_S else None

    def _behind(self) -> str | None:
        waits = self._queue.oldest_s()
        return f"nodes wait to be looked at, for {waits:.0f} s" if waits > _BEHIND_S else None


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def _end(stop: asyncio.Event) -> None:
    await stop.wait()
    raise _Stop
