"""Network namespaces as the agent holds them: a descriptor, and work done inside.

setns(2) moves one thread: a thread of its own does the work and ends, so that no other is moved.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self, TypeVar

from netvsc.errors import NodeError, RequestError

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_NS_GET_NSTYPE = 0xB703  # include/uapi/linux/nsfs.h
_OWN = "/proc/thread-self/ns/net"
_libc = ctypes.CDLL(None, use_errno=True)


class GoneError(NodeError):
    """The network namespace is not there any more."""


@dataclass(frozen=True, slots=True)
class Netns:
    """An open network namespace; `path` is None for the agent's own. Close it after use."""

    path: str | None
    fd: int
    inode: int

    @classmethod
    def host(cls) -> Self:
        """Open the calling thread's own."""
        return cls._open(None, _OWN)

    @classmethod
    def open(cls, path: str) -> Self:
        """Open the one at `path`; GoneError if there is none, RequestError if it is no netns."""
        ns = cls._open(path, seen_here(path))
        try:
            netns = fcntl.ioctl(ns.fd, _NS_GET_NSTYPE) == _CLONE_NEWNET
        except OSError:
            netns = False
        if not netns:
            ns.close()
            raise RequestError(f"{path} is not a network namespace: name one of ip-netns(8)")
        return ns

    @classmethod
    def _open(cls, path: str | None, file: str) -> Self:
        try:
            fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise GoneError(f"{path} is gone: its sandbox has ended") from None
        except OSError as error:
            raise NodeError(
                f"cannot open {path}: {error.strerror}; mount /run/netns with HostToContainer"
            ) from error
        return cls(path, fd, os.fstat(fd).st_ino)

    @property
    def name(self) -> str | None:
        return netns_name(self.path) if self.path else None

    def close(self) -> None:
        os.close(self.fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns inside."""
        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(self._entered, work).result()

    def _entered(self, work: Callable[[], T]) -> T:
        if _libc.setns(self.fd, _CLONE_NEWNET):
            why = os.strerror(ctypes.get_errno())
            raise NodeError(f"cannot enter {self.path or 'the host'}: {why}; SYS_ADMIN is needed")
        return work()


def seen_here(path: str) -> str:
    """Return `path` below /run, which alone is mounted in the agent; /var/run is the same."""
    return path.removeprefix("/var") if path.startswith("/var/run/") else path


def exists(path: str) -> bool:
    """Tell whether something is still called so; a held netns outlives its name."""
    return Path(seen_here(path)).exists()


def netns_name(path: str) -> str:
    """Name a netns as ip-netns(8) does, by the file below /run/netns; another by its path."""
    pure = PurePosixPath(seen_here(path))
    return pure.name if str(pure.parent) == "/run/netns" else path


def netns_path(name: str) -> str:
    """Return the path of what `netns_name` named."""
    return name if name.startswith("/") else f"/run/netns/{name}"
