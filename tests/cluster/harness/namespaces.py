"""Entering the node: as a new process, or with one socket from inside this one."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TESTS = Path(__file__).resolve().parents[2]
_CLONE_NEWNET = 0x40000000
_KINDS = ("--net", "--mount", "--pid", "--ipc", "--uts")
_libc = ctypes.CDLL(None, use_errno=True)


def python(module: str, *arguments: str) -> list[str]:
    """A module of the harness as a program of its own."""
    return [sys.executable, "-m", f"cluster.harness.{module}", *arguments]


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(_TESTS)} | more


def made(argv: Sequence[str]) -> list[str]:
    """A command as process 1 of new namespaces."""
    flags = [*_KINDS, "--fork", "--mount-proc", "--propagation", "private"]
    return ["unshare", *flags, *argv]


def entered(pid: int, argv: Sequence[str]) -> list[str]:
    """A command inside the namespaces of a process."""
    return ["nsenter", "--target", str(pid), *_KINDS, *argv]


def detach(argv: Sequence[str], *, log: Path, keep: Sequence[int] = ()) -> None:
    """Start a program that outlives us, in a session of its own."""
    with log.open("ab") as output:
        subprocess.run(
            ["setsid", "--fork", *argv],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=keep,
            env=environment(),
        )


@contextmanager
def network(pid: int) -> Iterator[None]:
    """This thread, and no other, is in a process's network: sockets made here stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        _enter_network(there)
        try:
            yield
        finally:
            _enter_network(home)
    finally:
        os.close(there)
        os.close(home)


def connect(pid: int, host: str, port: int, *, seconds: float = 5) -> socket.socket:
    with network(pid):
        return socket.create_connection((host, port), timeout=seconds)


def _enter_network(handle: int) -> None:
    if _libc.setns(handle, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
