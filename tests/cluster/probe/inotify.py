"""Names that appear in a folder, from the kernel."""

from __future__ import annotations

import ctypes
import os
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_IN_CREATE = 0x100
_HEADER = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def created(folder: Path) -> Iterator[Iterator[str]]:
    handle = _libc.inotify_init1(os.O_CLOEXEC)
    if handle < 0 or _libc.inotify_add_watch(handle, os.fsencode(folder), _IN_CREATE) < 0:
        raise OSError(ctypes.get_errno(), f"cannot watch {folder}")
    try:
        yield _names(handle)
    finally:
        os.close(handle)


def _names(handle: int) -> Iterator[str]:
    while True:
        events = os.read(handle, 65536)
        while events:
            *_, length = _HEADER.unpack_from(events)
            end = _HEADER.size + length
            yield os.fsdecode(events[_HEADER.size : end].rstrip(b"\0"))
            events = events[end:]
