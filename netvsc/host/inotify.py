"""Watches one folder with inotify(7): a call whenever a file in it comes, goes or was written.

Through ctypes rather than a library: what happened is not read, only that something did, and that
takes two system calls.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from netvsc.errors import NodeError

# include/uapi/linux/inotify.h
_CLOSE_WRITE, _MOVED_FROM, _MOVED_TO = 0x8, 0x40, 0x80
_CREATE, _DELETE = 0x100, 0x200
_DELETE_SELF, _MOVE_SELF, _ONLYDIR = 0x400, 0x800, 0x01000000
_COMES = _CREATE | _MOVED_TO | _CLOSE_WRITE
_GOES = _DELETE | _MOVED_FROM | _DELETE_SELF | _MOVE_SELF
_MASK = _COMES | _GOES | _ONLYDIR
_BUFFER = 64 * 1024  # bytes: all that is pending in one read; an overflow is one more hint

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def watching(folder: Path, *, changed: Callable[[], None]) -> Iterator[None]:
    """Call `changed` on the event loop after each change in `folder`, while the context lasts.

    Raises NodeError if the folder cannot be watched.
    """
    fd = _open(folder)
    loop = asyncio.get_running_loop()

    def ready() -> None:
        os.read(fd, _BUFFER)
        changed()

    loop.add_reader(fd, ready)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def _open(folder: Path) -> int:
    fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0:
        raise _refused(folder)
    if _libc.inotify_add_watch(fd, os.fsencode(folder), _MASK) < 0:
        error = _refused(folder)
        os.close(fd)
        raise error
    return fd


def _refused(folder: Path) -> NodeError:
    why = os.strerror(ctypes.get_errno())
    return NodeError(
        f"cannot watch {folder}: {why}; it must be mounted there, and "
        "fs.inotify.max_user_instances must not be used up"
    )
