"""Whoever reaches the webhook's port may send what he likes: memory and time are bounded."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from netvsc_operator.admission import AdmissionResponse, Result
from netvsc_operator.webhook import reviews
from netvsc_operator.webhook.body_budget import BodyBudget
from netvsc_operator.webhook.metrics import WebhookMetrics
from netvsc_operator.webhook.reviews import BODY_MAX, Reviews

BOMBS = {"objects": b"{},", "lists": b"[],", "numbers": b"257,", "deep": b"[[],"}
PATIENCE_S = 0.2


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    good = AdmissionResponse(review={}, result=Result.UNCHANGED)
    made = Reviews(
        decide={"/mutate": lambda _review, _pools: good},
        pools=dict,
        metrics=WebhookMetrics(CollectorRegistry()),
    )
    runner = web.ServerRunner(made.server(keepalive_s=10))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/mutate"
    finally:
        await runner.cleanup()


def against(test: Callable[[str], Awaitable[None]]) -> None:
    async def run() -> None:
        async with serving() as url:
            await asyncio.wait_for(test(url), timeout=30)
            assert (await post(url, b'"well"'))[0] == 200

    asyncio.run(run())


async def post(url: str, body: object) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.post(url, data=body) as response:
        return response.status, await response.text()


@pytest.mark.parametrize("values", BOMBS.values(), ids=BOMBS)
def test_a_body_of_many_values_is_refused_before_it_is_unfolded(values: bytes) -> None:
    async def test(url: str) -> None:
        bomb = b"[" + values * ((BODY_MAX - 4) // len(values)) + b"1]"
        status, text = await post(url, io.BytesIO(bomb))
        assert status == 400
        assert "no pod has 1000000 values" in text

    against(test)


def test_bodies_that_never_end_hold_up_nobody_and_are_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reviews, "_PATIENCE_S", PATIENCE_S)
    released = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b" "
        await released.wait()

    async def test(url: str) -> None:
        async with asyncio.TaskGroup() as tasks:
            slow = [tasks.create_task(post(url, endless())) for _ in range(12)]
            began = time.monotonic()
            assert (await post(url, b'"small"'))[0] == 200
            assert time.monotonic() - began < 10
            told = await asyncio.gather(*slow)
            released.set()
        assert {status for status, _ in told} == {408}

    against(test)


def test_there_is_room_for_so_much_and_the_next_waits_for_it() -> None:
    async def test() -> None:
        room, order = BodyBudget(10, small=2), []

        async def big() -> None:
            async with room.holding(8):
                order.append("big")

        async with room.holding(8):
            waiting = asyncio.create_task(big())
            async with room.holding(2):
                order.append("small")
            await asyncio.sleep(0)
            assert order == ["small"]
        await asyncio.wait_for(waiting, timeout=10)
        assert order == ["small", "big"]

    asyncio.run(test())


def test_who_gives_up_waiting_takes_no_room() -> None:
    async def test() -> None:
        room = BodyBudget(10, small=2)
        async with room.holding(8):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0), room.holding(8):
                    raise AssertionError("there was no room")
        async with asyncio.timeout(10), room.holding(10):
            pass

    asyncio.run(test())
