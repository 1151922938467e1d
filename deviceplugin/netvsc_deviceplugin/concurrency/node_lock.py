"""One agent per node: two that move the same pairs could each undo what the other wrote down.

A DaemonSet's pod that is deleted by force is replaced while its container still runs. The lock is
the kernel's (flock(2)) and ends with its holder, however that ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Thread

from netvsc.errors import NodeError

log = logging.getLogger(__name__)


@asynccontextmanager
async def on_this_node(state: Path) -> AsyncIterator[None]:
    """Be the only one in the agent's state folder while the context lasts; raises NodeError.

    Waits for an agent that has not ended yet, as long as that takes: it still owns the node.
    """
    file = state / "lock"
    lock = _opened(file)
    try:
        if not _taken(lock):
            log.info("another agent is still running: waiting for %s", file)
            await _wait(lock)
        yield
    finally:
        os.close(lock)


def _opened(file: Path) -> int:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        why = error.strerror or error
        raise NodeError(
            f"cannot open {file}: {why}; the agent's state folder must be writable"
        ) from error


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _wait(lock: int) -> None:
    """Wait in a thread that a process which is told to end need not wait for."""
    loop, taken = asyncio.get_running_loop(), asyncio.Event()

    def wait() -> None:
        with suppress(OSError, RuntimeError):  # nobody waits any more
            fcntl.flock(lock, fcntl.LOCK_EX)
            loop.call_soon_threadsafe(taken.set)

    Thread(target=wait, name="waiting for the other agent", daemon=True).start()
    await taken.wait()
