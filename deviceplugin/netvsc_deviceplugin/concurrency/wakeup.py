"""A reason to look again: many that come before the look are one."""

from __future__ import annotations

import asyncio


class Wakeup:
    """Level-triggered: what is set while nobody waits ends the next wait at once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Wake whoever waits, now or next."""
        self._event.set()

    def clear(self) -> None:
        """Drop what has come: the caller is about to look anyway."""
        self._event.clear()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for a reason and take it; return False if none came within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
