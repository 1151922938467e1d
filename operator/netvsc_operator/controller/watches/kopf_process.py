"""Runs kopf inside this process, and starts it anew where it gives up.

kopf ends at an error event, or at a line that is not JSON. It then leaves watches of other kinds
running; its own run_tasks ends those with whatever else began in the process meanwhile. Here each
task that kopf makes is known: tasks inherit the context of the one that made them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

import kopf

log = logging.getLogger(__name__)

_PAUSE_S = 1.0
_END_S = 5.0  # kopf lets handlers that run finish for 2 s, and cleans up
_HUNG_S = 0.3

_Tasks = WeakSet[asyncio.Task[Any]]
_owned: ContextVar[_Tasks | None] = ContextVar("owned", default=None)


async def watch(
    registry: kopf.OperatorRegistry,
    settings: Callable[[], kopf.OperatorSettings],
    *,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Let kopf watch for ever; `started` is called whenever it has taken the signals' handlers."""
    while True:
        try:
            await _watch(registry, settings(), started)
        except Exception as error:  # noqa: BLE001 (whatever it made of an answer)
            log.warning("kopf has stopped watching: %r; it is restarted", error)
        await asyncio.sleep(_PAUSE_S)


async def _watch(
    registry: kopf.OperatorRegistry, settings: kopf.OperatorSettings, started: Callable[[], None]
) -> None:
    owned: _Tasks = WeakSet()
    asyncio.get_running_loop().set_task_factory(_noted)
    before = _owned.set(owned)
    try:
        roots = await kopf.spawn_tasks(
            registry=registry, settings=settings, standalone=True, clusterwide=True
        )
    finally:
        _owned.reset(before)
    started()
    try:
        ended, _ = await asyncio.wait(roots, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(roots, again_s=_END_S)
        await _end(owned, again_s=_HUNG_S)
    for task in ended:
        task.result()


def _noted(loop: asyncio.AbstractEventLoop, coro: Any, **how: Any) -> asyncio.Task[Any]:
    """Make a task, and note it where kopf makes it."""
    task = asyncio.Task(coro, loop=loop, **how)
    owned = _owned.get()
    if owned is not None:
        owned.add(task)
    return task


async def _end(tasks: Collection[asyncio.Task[Any]], *, again_s: float) -> None:
    """Cancel until all have ended: a watch that is just being taken up again passes over one."""
    everybody = list(tasks)
    while alive := [task for task in everybody if not task.done()]:
        for task in alive:
            task.cancel()
        await asyncio.wait(alive, timeout=again_s)
    for task in everybody:
        if not task.cancelled():
            task.exception()  # else asyncio complains of one that nobody asked for
