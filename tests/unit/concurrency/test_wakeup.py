"""A reason to look again is never lost, and many are one."""

from __future__ import annotations

import asyncio

from netvsc_deviceplugin.concurrency.wakeup import Wakeup


def test_what_is_set_while_nobody_waits_ends_the_next_wait_and_only_that() -> None:
    async def story() -> None:
        wakeup = Wakeup()
        wakeup.set()
        wakeup.set()
        assert await wakeup.wait()
        assert not await wakeup.wait(0)

    asyncio.run(story())


def test_who_waits_is_woken_and_one_that_looks_anyway_drops_what_came() -> None:
    async def story() -> None:
        wakeup = Wakeup()
        waiting = asyncio.create_task(wakeup.wait())
        await asyncio.sleep(0)
        wakeup.set()
        assert await waiting
        wakeup.set()
        wakeup.clear()
        assert not await wakeup.wait(0)

    asyncio.run(story())
