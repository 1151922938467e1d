"""The agent's device plugin component with a kubelet beside it, in a folder of their own."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry

from netvsc.model.pair import Inventory
from netvsc.model.pool import BUILT_IN, Pool
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.kubelet.manager import DevicePluginManager
from netvsc_deviceplugin.kubelet.podresources import Allocations
from netvsc_deviceplugin.telemetry.metrics import AgentMetrics
from sim.kubelet.kubelet import PATIENCE, Kubelet

T = TypeVar("T")

RESOURCE = BUILT_IN.resource


@dataclass(slots=True, kw_only=True)
class Node:
    """`folder` holds the kubelet's folders, the agent's state and the host's /dev.

    With `cdi` the agent writes CDI specifications too.
    """

    folder: Path
    kubelet: Kubelet
    pools: Latest[tuple[Pool, ...]] = field(default_factory=lambda: Latest((BUILT_IN,)))
    inventory: Latest[Inventory] = field(default_factory=lambda: Latest(Inventory()))
    allocations: Latest[Allocations] = field(default_factory=lambda: Latest({}))
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    cdi: Path | None = None

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def dev(self) -> Path:
        return self.folder / "dev"

    @property
    def devinfo(self) -> Path:
        return self.folder / "devinfo"

    def count(self, sample: str, **labels: str) -> float:
        """Return the value of a metric now; 0 where there is none."""
        return self.registry.get_sample_value(sample, labels) or 0.0

    def add_devices(self, *names: str) -> None:
        """Let /dev have these, as plain files: it is only asked whether they are there."""
        for name in names:
            node = self.dev / name
            node.parent.mkdir(parents=True, exist_ok=True)
            node.touch()

    def host(self) -> DevicePluginManager:
        """Make an agent for this node; a second one stands for the first, restarted."""
        self.registry = CollectorRegistry()
        return DevicePluginManager(
            pools=self.pools,
            inventory=self.inventory,
            allocations=self.allocations,
            meter=AgentMetrics(self.registry),
            state=self.state,
            folder=self.kubelet.plugins_folder,
            podresources=self.kubelet.podresources,
            dev=self.dev,
            devinfo=self.devinfo,
            cdi=self.cdi,
        )

    @contextlib.asynccontextmanager
    async def agent(self) -> AsyncIterator[DevicePluginManager]:
        """Run an agent; it is cancelled at the end, as SIGTERM would."""
        host = self.host()
        task = asyncio.create_task(host.run())
        try:
            yield host
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def until(latest: Latest[T], value: T) -> None:
    """Wait until `latest` is `value`; fails the test when it does not become so."""
    try:
        async with asyncio.timeout(PATIENCE):
            async for found in latest.changes():
                if found == value:
                    return
    except TimeoutError:
        raise AssertionError(f"{latest.get()!r} did not become {value!r}") from None


@contextlib.asynccontextmanager
async def node(*, kubelet: bool = True) -> AsyncIterator[Node]:
    """Make a node whose folder's path is short enough for sockets, with its kubelet running."""
    with tempfile.TemporaryDirectory(prefix="sim-", dir="/tmp") as made:
        folder = Path(made)
        here = Node(folder=folder, kubelet=Kubelet(folder))
        here.add_devices("net/tun", "infiniband/rdma_cm")
        if kubelet:
            await here.kubelet.start()
        try:
            yield here
        finally:
            await here.kubelet.stop()
