"""When the metadata service is asked, and what is kept of its answers."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest

from netvsc.errors import NodeError
from netvsc.model.pair import Inventory
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.inventory.imds.client import ImdsEndpoint
from netvsc_deviceplugin.inventory.imds.poller import ImdsPoller
from sim.imds import document, nic
from sim.kubelet.inventories import inventory, pair

SOON = 0.02
NEVER = 3600.0


class Azure:
    """A service without a network: `told` are its NICs, None while it does not answer."""

    def __init__(self, *numbers: int) -> None:
        self.asked = 0
        self.numbers: tuple[int, ...] | None = numbers
        self._changed = asyncio.Condition()

    async def fetch(self, _endpoint: ImdsEndpoint, _path: str) -> bytes:
        async with self._changed:
            self.asked += 1
            self._changed.notify_all()
        if self.numbers is None:
            raise NodeError("IMDS: nobody answers")
        nics = [nic(pair(n).mac, f"10.0.1.{n}", subnet="10.0.1.0/24") for n in self.numbers]
        return json.dumps(document(*nics)).encode()

    async def was_asked(self, times: int) -> None:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: self.asked >= times)


class Node:
    """An agent's picture of its NICs, and the looks it was made to take."""

    def __init__(self, azure: Azure, *, first_s: float = SOON, refresh_s: float = NEVER) -> None:
        self.inventory: Latest[Inventory] = Latest(Inventory())
        self.looks = Latest(0)
        endpoint = ImdsEndpoint(host="imds", port=80)
        self.imds = ImdsPoller(endpoint, fetch=azure.fetch, first_s=first_s, refresh_s=refresh_s)

    async def told(self, *numbers: int) -> None:
        """Wait until exactly these NICs are told of."""
        async with asyncio.timeout(10):
            async for told in self.imds.addresses.changes():
                if set(told) == {pair(number).mac for number in numbers}:
                    return

    async def looked(self, times: int) -> None:
        """Wait for that many looks at the node."""
        async with asyncio.timeout(10):
            async for looks in self.looks.changes():
                if looks == times:
                    return

    def _request_scan(self, reason: str) -> None:
        assert reason == "imds"
        self.looks.set(self.looks.get() + 1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.imds.run(self.inventory, request_scan=self._request_scan))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def run(story: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(story())


def test_it_is_asked_at_the_start_and_the_inventory_looks_again() -> None:
    async def story() -> None:
        azure = Azure(1)
        node = Node(azure)
        async with node.running():
            await node.told(1)
            await asyncio.wait_for(node.imds.asked.wait(), 10)
            await node.looked(1)
        assert node.imds.addresses.get()[pair(1).mac].addresses == ("10.0.1.1/24",)

    run(story)


def test_once_all_is_told_nobody_asks_again_for_minutes() -> None:
    async def story() -> None:
        azure = Azure(1, 2)
        node = Node(azure)
        async with node.running():
            await node.told(1, 2)
            node.inventory.set(inventory(pair(1), pair(2)))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(azure.was_asked(2), 10 * SOON)

    run(story)


def test_an_address_that_is_added_in_azure_is_seen_at_the_next_refresh() -> None:
    async def story() -> None:
        azure = Azure(1)
        node = Node(azure, refresh_s=5 * SOON)
        async with node.running():
            await node.told(1)
            azure.numbers = (1, 2)
            await node.told(1, 2)
            await node.looked(2)

    run(story)


def test_a_new_nic_is_asked_for_until_it_is_told_of() -> None:
    async def story() -> None:
        azure = Azure(1)
        node = Node(azure)
        async with node.running():
            await node.told(1)
            node.inventory.set(inventory(pair(1), pair(2)))
            await azure.was_asked(3)
            azure.numbers = (1, 2)
            await node.told(1, 2)

    run(story)


def test_while_nobody_answers_it_is_asked_ever_more_rarely_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        azure = Azure()
        azure.numbers = None
        node = Node(azure)
        async with node.running():
            await azure.was_asked(4)
            assert node.imds.asked.is_set()
            assert node.looks.get() == 0
            azure.numbers = (1,)
            await node.told(1)
            assert azure.asked < 10

    with caplog.at_level(logging.INFO):
        run(story)
    assert [record.getMessage() for record in caplog.records] == [
        "IMDS: nobody answers; of the NICs' addresses only the kernel's are known",
        "IMDS tells of 1 NICs",
    ]


def test_an_answer_that_fails_to_come_later_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        azure = Azure(1)
        node = Node(azure, refresh_s=2 * SOON)
        async with node.running():
            await node.told(1)
            azure.numbers = None
            await azure.was_asked(azure.asked + 2)
            assert set(node.imds.addresses.get()) == {pair(1).mac}

    with caplog.at_level(logging.INFO):
        run(story)
    assert [record.getMessage().rpartition("addresses ")[2] for record in caplog.records] == [
        "IMDS tells of 1 NICs",
        "its last answer stands",
    ]


def test_nics_that_come_in_a_storm_are_not_a_storm_of_questions() -> None:
    async def story() -> None:
        azure = Azure(1)
        node = Node(azure, first_s=0.2)
        async with node.running():
            await node.told(1)
            for number in range(2, 102):
                node.inventory.set(inventory(*map(pair, range(1, number + 1))))
                await asyncio.sleep(0)
            await azure.was_asked(2)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(azure.was_asked(4), 0.3)

    run(story)
