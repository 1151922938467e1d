"""Network namespaces by name: doing one thing inside, without a process and without a trace.

setns(2) moves one thread; a thread of its own does the work and ends, so that no other is moved.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def within(netns: str, work: Callable[[], T]) -> T:
    """Return what `work` returns in the network namespace `netns` of ip-netns(8)."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_entered, netns, work).result()


def _entered(netns: str, work: Callable[[], T]) -> T:
    with open(f"/run/netns/{netns}") as space:  # noqa: PTH123 - a descriptor is wanted
        if _libc.setns(space.fileno(), _CLONE_NEWNET):
            code = ctypes.get_errno()
            raise OSError(code, f"setns into {netns}: {os.strerror(code)}")
    return work()
