"""Hints that a folder changed, by inotify(7); what changed is for the listener to find out.

A mounted Secret is replaced by renaming one link in its folder, which is among the events.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from netvsc.errors import NodeError

# include/uapi/linux/inotify.h: IN_CLOSE_WRITE, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE
_MASK = 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x01000000  # … and IN_ONLYDIR
_PENDING = 64 * 1024  # bytes of events that one read takes off the queue

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def watched(folder: Path, *, changed: Callable[[], None]) -> Iterator[None]:
    """Call `changed` on the event loop after changes in `folder`; raises NodeError."""
    handle: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if handle < 0 or _libc.inotify_add_watch(handle, os.fsencode(folder), _MASK) < 0:
            why = os.strerror(ctypes.get_errno())
            raise NodeError(f"cannot watch {folder}: {why}; mount the certificate's Secret there")
        loop = asyncio.get_running_loop()
        loop.add_reader(handle, _heard, handle, changed)
        try:
            yield
        finally:
            loop.remove_reader(handle)
    finally:
        if handle >= 0:
            os.close(handle)


def _heard(handle: int, changed: Callable[[], None]) -> None:
    os.read(handle, _PENDING)
    changed()
