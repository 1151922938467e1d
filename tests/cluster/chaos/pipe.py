"""Looking into the pipe of a running application without reading from it or opening it.

Its descriptor is borrowed (pidfd_getfd(2)) and what the pipe holds is copied (tee(2)): for sidecar
and application nobody was there.
"""

from __future__ import annotations

import ctypes
import os
import platform
from contextlib import suppress

DESCRIPTOR = 200
_PIDFD_GETFD = {"x86_64": 438, "aarch64": 438}[platform.machine()]
_SPLICE_F_NONBLOCK = 2
_libc = ctypes.CDLL(None, use_errno=True)
_libc.tee.restype = ctypes.c_ssize_t
_libc.tee.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_uint]


def content(pid: int) -> bytes:
    """What is in the application's pipe now; raises OSError if it has none any more."""
    handle = os.pidfd_open(pid)
    try:
        borrowed = _libc.syscall(_PIDFD_GETFD, handle, DESCRIPTOR, 0)
        if borrowed < 0:
            raise OSError(ctypes.get_errno(), f"descriptor {DESCRIPTOR} of process {pid}")
        try:
            return _copied(borrowed)
        finally:
            os.close(borrowed)
    finally:
        os.close(handle)


def _copied(pipe: int) -> bytes:
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _libc.tee(pipe, writer, 65536, _SPLICE_F_NONBLOCK)  # nothing there: nothing is copied
        with suppress(BlockingIOError):
            return os.read(reader, 65536)
        return b""
    finally:
        os.close(reader)
        os.close(writer)


def offered(data: bytes) -> str | None:
    """The line that a reader would take: the last one counts, an empty one is none."""
    last = data.removesuffix(b"\n").rsplit(b"\n", 1)[-1]
    return last.decode("latin-1") or None
