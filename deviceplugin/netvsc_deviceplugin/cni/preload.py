"""Preloads the netlink library, once the kubelet knows us and there is a pair to move."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TypeVar

from netvsc.model.pair import Inventory
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.kernel.requests import messages

log = logging.getLogger(__name__)

T = TypeVar("T")


async def preload_netlink(
    *, registered: Latest[Mapping[str, bool]], inventory: Latest[Inventory]
) -> None:
    """Load it before a pod can come, in a thread: neither the start nor the first ADD waits for it.

    On a node without pairs it is never loaded.
    """
    await _until(registered, lambda known: any(known.values()))
    await _until(inventory, lambda found: bool(found.pairs))
    try:
        await asyncio.to_thread(messages.load)
    except ImportError as error:  # it was for speed alone; who needs the library will say so
        log.warning("cannot preload pyroute2: %s", error)


async def _until(value: Latest[T], holds: Callable[[T], bool]) -> None:
    async for now in value.changes():
        if holds(now):
            return
