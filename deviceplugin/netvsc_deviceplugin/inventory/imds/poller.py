"""Asks Azure's metadata service which addresses the node's NICs have, and keeps the answer.

Nothing waits for it: until it answers, and where there is none, what the kernel knows is all. It is
asked at the start, when a NIC is there of which it has not told, and every few minutes, since
nothing tells of an address that was added in Azure.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping

from netvsc.errors import NodeError
from netvsc.model.mac import mac_of
from netvsc.model.pair import Inventory
from netvsc_deviceplugin.concurrency.backoff import Backoff
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.ratelimit import RateLimit
from netvsc_deviceplugin.concurrency.wakeup import Wakeup
from netvsc_deviceplugin.inventory.imds import document
from netvsc_deviceplugin.inventory.imds.client import ImdsEndpoint, get
from netvsc_deviceplugin.kernel.addresses import NicAddresses
from netvsc_deviceplugin.kernel.events import ScanReason

PATH = "/metadata/instance/network?api-version=2021-02-01"
REFRESH_S = 300.0
FIRST_S = 1.0  # Azure allows five requests a second to all of the VM

log = logging.getLogger(__name__)

Fetch = Callable[[ImdsEndpoint, str], Awaitable[bytes]]


class ImdsPoller:
    """Keeps `addresses`: what belongs to each NIC, by MAC; empty until there was an answer.

    `asked` is set once the first question is settled, with an answer or without. While something
    is missing it is asked again after `first_s`, then ever more rarely; else every `refresh_s`.
    """

    def __init__(
        self,
        endpoint: ImdsEndpoint,
        *,
        fetch: Fetch = get,
        first_s: float = FIRST_S,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self.addresses: Latest[Mapping[str, NicAddresses]] = Latest({})
        self.asked = asyncio.Event()
        self._endpoint = endpoint
        self._fetch = fetch
        self._refresh_s = refresh_s
        self._pace = RateLimit(interval_s=first_s)
        self._retry = Backoff(
            clock=time.monotonic, first_s=first_s, longest_s=refresh_s, settled_s=float("inf")
        )
        self._macs: frozenset[str] = frozenset()
        self._answers: bool | None = None
        self._wakeup = Wakeup()

    def observe(self, macs: Collection[str]) -> None:
        """Hear which NICs the node has; a new one of which nothing is told is a reason to ask."""
        new = set(macs) - self._macs - self.addresses.get().keys()
        self._macs = frozenset(macs)
        if new:
            self._retry.reset()
            self._wakeup.set()

    async def run(
        self, inventory: Latest[Inventory], *, request_scan: Callable[[str], None]
    ) -> None:
        """Ask until cancelled; `request_scan` hears of news, `inventory` tells which NICs are."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_asking(), name="imds")
            tasks.create_task(self._follow(inventory), name="imds-nics")
            async for addresses in self.addresses.changes():
                if addresses:
                    request_scan(ScanReason.IMDS)

    async def _follow(self, inventory: Latest[Inventory]) -> None:
        async for found in inventory.changes():
            ids = {pair.id for pair in found.pairs} | {nic.id for nic in found.excluded}
            self.observe({mac_of(id_) for id_ in ids})

    async def _keep_asking(self) -> None:
        while True:
            await self._pace.turn()
            await self._ask()
            await self._rest()

    async def _ask(self) -> None:
        self._retry.tried()
        try:
            addresses = document.parse(await self._fetch(self._endpoint, PATH))
        except NodeError as error:
            last = (
                "its last answer stands" if self.addresses.get() else "only the kernel's are known"
            )
            self._say(answers=False, text=f"{error}; of the NICs' addresses {last}")
        else:
            self.addresses.set(addresses)
            self._say(answers=True, text=f"IMDS tells of {len(addresses)} NICs")
        self.asked.set()

    def _say(self, *, answers: bool, text: str) -> None:
        """Log a change: hosts outside Azure never get an answer."""
        if answers is not self._answers:
            log.info("%s", text)
        self._answers = answers

    async def _rest(self) -> None:
        """Wait until the next question is due, or a NIC comes."""
        complete = self._answers and self._macs <= self.addresses.get().keys()
        if complete:
            self._retry.reset()
        await self._wakeup.wait(self._refresh_s if complete else self._retry.wait())
