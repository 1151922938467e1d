"""Names to look at, each once, one worker at a time; a failure comes again after a pause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

_FIRST_S = 0.2
_LONGEST_S = 30.0


@dataclass(slots=True)
class _Timer:
    at: float
    handle: asyncio.TimerHandle


class WorkQueue:
    """A name that is added while it is worked on is worked on once more afterwards.

    `clock` is monotonic, in seconds; times are its.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ready: asyncio.Queue[str] = asyncio.Queue()
        self._waiting: dict[str, float] = {}  # since when, also those being worked on again
        self._working: set[str] = set()
        self._failures: dict[str, int] = {}
        self._timers: dict[str, _Timer] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, name: str) -> None:
        if name in self._waiting:
            return
        self._waiting[name] = self._clock()
        if name not in self._working:
            self._ready.put_nowait(name)

    def add_after(self, name: str, seconds: float) -> None:
        """Add it then, or earlier if somebody asked for that."""
        at = self._clock() + seconds
        timer = self._timers.get(name)
        if timer and timer.at <= at:
            return
        if timer:
            timer.handle.cancel()
        handle = asyncio.get_running_loop().call_later(seconds, self._due, name)
        self._timers[name] = _Timer(at, handle)

    def _due(self, name: str) -> None:
        del self._timers[name]
        self.add(name)

    async def take(self) -> tuple[str, float]:
        """Return a name and how long it waited; `done` or `failed` must follow."""
        name = await self._ready.get()
        since = self._waiting.pop(name)
        self._working.add(name)
        return name, self._clock() - since

    def done(self, name: str) -> None:
        self._failures.pop(name, None)
        self._finish(name)

    def failed(self, name: str, *, after_s: float = 0.0) -> None:
        """Come back after a pause that grows, or after what the apiserver asked for."""
        number = self._failures.get(name, 0)
        self._failures[name] = number + 1
        self.add_after(name, max(after_s, min(_FIRST_S * 2**number, _LONGEST_S)))
        self._finish(name)

    def _finish(self, name: str) -> None:
        self._working.discard(name)
        if name in self._waiting:
            self._ready.put_nowait(name)

    def oldest_s(self) -> float:
        """Return how long the first in the queue waits: whether anybody works."""
        return self._clock() - min(self._waiting.values(), default=self._clock())
