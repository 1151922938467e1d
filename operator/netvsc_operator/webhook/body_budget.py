"""A budget of bytes for what clients send: who finds it spent waits, so memory stays bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class BodyBudget:
    """`size` bytes for all requests at once; one that is `small` or less always finds its place."""

    def __init__(self, size: int, *, small: int) -> None:
        self._free = size
        self._small = small
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def holding(self, size: int) -> AsyncIterator[None]:
        """Wait until there is room for so many bytes, and keep it while the context lasts."""
        if size <= self._small:
            yield
            return
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            self._free += size
            async with self._changed:
                self._changed.notify_all()
