"""One value that changes; whoever waits sees the newest, never a queue of the old ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Level-triggered: a waiter that was slow skips what is outdated and cannot miss the last."""

    def __init__(self, value: T) -> None:
        self._value = value
        self._changed = asyncio.Event()

    def get(self) -> T:
        return self._value

    def set(self, value: T) -> None:
        """Publish `value`; an equal one wakes nobody."""
        if value == self._value:
            return
        self._value = value
        self._changed.set()
        self._changed = asyncio.Event()

    async def changes(self) -> AsyncIterator[T]:
        """Yield the present value, then each newer one."""
        while True:
            changed = self._changed
            yield self._value
            await changed.wait()
