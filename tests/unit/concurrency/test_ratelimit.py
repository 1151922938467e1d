"""Publication: the first at once, then at most one per interval, the last always."""

from __future__ import annotations

import asyncio

from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.ratelimit import RateLimit, paced


class Clock:
    """A clock that moves only while somebody sleeps on it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def test_the_first_turn_comes_at_once_and_the_next_an_interval_later() -> None:
    async def story() -> list[float]:
        clock = Clock()
        pace = RateLimit(interval_s=0.25, clock=clock, sleep=clock.sleep)
        times = []
        for _ in range(3):
            await pace.turn()
            times.append(clock.now)
        return times

    assert asyncio.run(story()) == [100.0, 100.25, 100.5]


def test_after_a_quiet_while_a_turn_comes_at_once_again() -> None:
    async def story() -> float:
        clock = Clock()
        pace = RateLimit(interval_s=0.25, clock=clock, sleep=clock.sleep)
        await pace.turn()
        clock.now += 5.0
        before = clock.now
        await pace.turn()
        return clock.now - before

    assert asyncio.run(story()) == 0.0


def test_a_turn_waits_on_when_the_sleep_was_short() -> None:
    async def story() -> float:
        clock = Clock()
        pace = RateLimit(interval_s=0.25, clock=clock, sleep=lambda s: clock.sleep(min(s, 0.0625)))
        await pace.turn()
        await pace.turn()
        return clock.now

    assert asyncio.run(story()) == 100.25


def test_what_changes_during_a_pause_is_merged_and_the_last_is_not_lost() -> None:
    async def story() -> list[int]:
        clock = Clock()
        latest = Latest(0)
        seen = []

        async def sleep(seconds: float) -> None:
            for value in (7, 8, 9):
                latest.set(value)
            await clock.sleep(seconds)

        async for value in paced(latest, pace=RateLimit(clock=clock, sleep=sleep)):
            seen.append(value)
            if value == 9:
                return seen
            latest.set(1)
        return seen

    assert asyncio.run(story()) == [0, 9]


def test_a_value_that_came_back_during_a_pause_is_not_told_again() -> None:
    async def story() -> list[str]:
        clock = Clock()
        latest = Latest("home")
        seen = []

        async def sleep(seconds: float) -> None:
            latest.set("home")
            await clock.sleep(seconds)
            asyncio.get_running_loop().call_soon(latest.set, "end")

        async for value in paced(latest, pace=RateLimit(clock=clock, sleep=sleep)):
            seen.append(value)
            if value == "end":
                return seen
            latest.set("away")
        return seen

    assert asyncio.run(story()) == ["home", "end"]
