"""The CNI side of the agent, put together: server, following, chain; all its tasks owned."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import (
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from netvsc.host.inotify import watching
from netvsc.model.mac import pair_id
from netvsc.model.pair import Inventory
from netvsc.model.pool import Pool
from netvsc_deviceplugin.cni.attach import addresses
from netvsc_deviceplugin.cni.attach.addresses import Json
from netvsc_deviceplugin.cni.attach.attachments import Attachments
from netvsc_deviceplugin.cni.attach.checkpoint import (
    Checkpoint,
    CheckpointStore,
    Inside,
    pairs_inside,
)
from netvsc_deviceplugin.cni.attach.executor import ExecutorConfig
from netvsc_deviceplugin.cni.chain.manager import ChainManager, Folders
from netvsc_deviceplugin.cni.chain.status import ChainStatus
from netvsc_deviceplugin.cni.deferred import DeferredAttachments
from netvsc_deviceplugin.cni.deferred_calls import DeferredCalls
from netvsc_deviceplugin.cni.netns_watcher import Callbacks, NetnsWatcher
from netvsc_deviceplugin.cni.node_scan import scan_all
from netvsc_deviceplugin.cni.server import serving
from netvsc_deviceplugin.cni.service import Meter, Service
from netvsc_deviceplugin.concurrency.backoff import Backoff
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.wakeup import Wakeup
from netvsc_deviceplugin.inventory.scan import NetworkState, ScanSource
from netvsc_deviceplugin.kernel.links import Link
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.sysfs import Devices
from netvsc_deviceplugin.kubelet.podresources import ask, ask_all

NETNS = Path("/run/netns")


class CniMode(StrEnum):
    """How pods come to us: not at all, by a conflist that names us (Multus), or as last of all."""

    OFF = "off"
    SERVED = "served"
    CHAINED = "chained"


@dataclass(frozen=True, slots=True, kw_only=True)
class CniSettings:
    """`shim` is the program to install; with CniMode.SERVED it is installed too, and not chained.

    With CniMode.OFF there is something to leave (`chain.leftovers`), and `uninstall` is to be true.
    """

    mode: CniMode
    conf: Path
    bin: Path
    shim: Path


class CniComponent:
    """`pools`, `inventory` and `granted` are read; `request_scan` and `gone` are called with news.

    `uninstall` asks us to leave the node, and may be taken back: as long as a pod has a pair we
    stay, so that its DEL comes. `chain_status` says how far that is, and whether pods get their
    pairs.
    """

    def __init__(  # noqa: PLR0913 (all the borders of this part of the agent, each by its name)
        self,
        settings: CniSettings,
        *,
        source: ScanSource,
        state: Path,
        podresources: Path,
        pools: Callable[[], tuple[Pool, ...]],
        inventory: Callable[[], Inventory],
        granted: Callable[[], Collection[str]],
        request_scan: Callable[[str], None],
        gone: Callable[[Link], None],
        meter: Meter,
        uninstall: Latest[bool] | None = None,
    ) -> None:
        self._uninstall = uninstall or Latest(False)
        self.inside: Latest[Inside] = Latest({})
        self._host_ns = Netns.host()
        self._source = source
        self._pools = pools
        self._inventory = inventory
        self._granted = granted
        self._changing = threading.Lock()
        self._checkpoints, deferred_calls = CheckpointStore(state), DeferredCalls(state)
        self._attachments = Attachments(
            host_ns=self._host_ns,
            config=ExecutorConfig(source=source),
            checkpoints=self._checkpoints,
            forced=self._forced,
        )
        self._service = Service(
            self._attachments,
            ask=lambda namespace, pod: ask(podresources, namespace=namespace, pod=pod),
            prefixes=self._prefixes,
            meter=meter,
            deferred_calls=deferred_calls,
            waiting=self._waiting,
            changing=self._changing,
            changed=self._refresh,
            own=self._own,
        )
        self._deferred = DeferredAttachments(
            deferred_calls,
            checkpoints=self._checkpoints,
            service=self._service,
            ask=lambda: ask_all(podresources),
            leaving=self._uninstall.get,
        )
        self._chain = ChainManager(
            folders=Folders(conf=settings.conf, bin=settings.bin, state=state),
            shim=settings.shim,
            chained=settings.mode is CniMode.CHAINED,
            leaving=self._uninstall.get,
            holders=self._checkpoints.pods,
        )
        self._socket = state / "cni.sock"
        self._mend = Wakeup()
        self._callbacks = Callbacks(request_scan=request_scan, gone=gone, mend=self._mend.set)
        self._netns_watcher: NetnsWatcher | None = None

    @property
    def chain_status(self) -> Latest[ChainStatus]:
        """Return where we stand in the runtime's chain: a condition's reason and message."""
        return self._chain.status

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Return what is written down of the containers that have a pair."""
        return tuple(self._checkpoints.all())

    def scan(self, source: ScanSource) -> tuple[NetworkState, Devices]:
        """Look at the node and into every pod that has a pair; for the inventory's loop."""
        with self._changing:
            namespaces = self._attachments.sandboxes.all().values()
            return scan_all(source, namespaces, macs=self._macs() if namespaces else ())

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Put right what a dead agent left, then answer the runtime while the context lasts."""
        with ExitStack() as stack:
            stack.callback(self._host_ns.close)
            stack.callback(self._attachments.sandboxes.close)
            stack.callback(self._service.close)
            self._netns_watcher = NetnsWatcher(
                self._host_ns,
                self._attachments.sandboxes,
                macs=self._macs,
                callbacks=self._callbacks,
            )
            stack.callback(self._netns_watcher.close)
            await self._service.restore()
            async with serving(self._socket, self._service.answer):
                self._chain.sync()
                yield

    async def run(self) -> None:
        """Keep pairs with their pods and us in the chain, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_mending(), name="mending")
            tasks.create_task(self._chain.run(), name="chain")
            tasks.create_task(self._deferred.run(), name="deferred")
            tasks.create_task(self._follow_uninstall(), name="uninstall")

    async def _follow_uninstall(self) -> None:
        async for _ in self._uninstall.changes():
            self._chain.wake()
            self._deferred.wake()

    async def _keep_mending(self) -> None:
        retry = Backoff(clock=time.monotonic, first_s=1.0, longest_s=30.0, settled_s=120.0)
        well = True
        with self._watching_names():
            while True:
                await self._mend.wait(None if well else retry.wait())
                retry.tried()
                well = await self._service.restore()
                if well:
                    retry.reset()

    def _watching_names(self) -> AbstractContextManager[None]:
        with suppress(OSError):  # after a boot nobody may have made it yet; ip-netns(8) would
            NETNS.mkdir(mode=0o755, exist_ok=True)
        there = NETNS.is_dir()
        return watching(NETNS, changed=self._look_for_ended) if there else nullcontext()

    def _look_for_ended(self) -> None:
        """Look for a netns that ended without a DEL: it lost its name, and lives by us alone."""
        if self._attachments.ended():
            self._mend.set()

    def _refresh(self) -> None:
        if self._netns_watcher:
            self._netns_watcher.refresh()
        self.inside.set(pairs_inside(self._attachments.checkpoints.all()))
        self._chain.wake()  # the last pair may be on the host

    def _macs(self) -> tuple[str, ...]:
        return tuple(pair.mac for one in self._checkpoints.all() for pair in one.pairs)

    def _waiting(self) -> bool:
        """Tell whether a pod may come that was granted a pair: Allocate precedes ADD."""
        return bool(set(self._granted()) - {pair_id(mac) for mac in self._macs()})

    def _prefixes(self) -> Mapping[str, str]:
        return {pool.resource: pool.interface_prefix for pool in self._pools()}

    def _own(self, id_: str) -> Json | None:
        return addresses.own_of(id_, pools=self._pools(), inventory=self._inventory())

    def _forced(self) -> Mapping[str, int]:
        pairs = self._inventory().pairs
        return {p.id: p.ifindex for p in pairs if p.vmbus is None and p.netns is None}
