"""A rate limit that loses nothing: the first at once, then one per interval, the last always."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from netvsc_deviceplugin.concurrency.latest import Latest

T = TypeVar("T")


class RateLimit:
    """Hands out turns, at most one per `interval_s` seconds.

    It remembers no values: whoever waited for a turn reads the newest one then, so what came
    meanwhile is merged and the last is never dropped.
    """

    def __init__(
        self,
        *,
        interval_s: float = 0.1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._sleep = sleep
        self._free_at = float("-inf")

    async def turn(self) -> None:
        """Return when the next turn is due: at once after a quiet interval."""
        while (wait := self._free_at - self._clock()) > 0:
            await self._sleep(wait)
        self._free_at = self._clock() + self._interval_s


async def paced(latest: Latest[T], *, pace: RateLimit) -> AsyncIterator[T]:
    """Yield the present value, then newer ones as `pace` allows; a value that came back is none."""
    shown: T | None = None
    async for _ in latest.changes():
        await pace.turn()
        value = latest.get()
        if value != shown:
            shown = value
            yield value
