"""An agent that hangs, in each way in which one can, and a shim that has less patience."""

from __future__ import annotations

import atexit
import functools
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sim.sidecar.fdpipe import SOURCES

PATIENCE_S = 1.5  # for pods that have pairs; the shipped program has 60
PATIENCE_PLAIN_S = 0.4  # for others; the shipped program has 5
BACK_S = 0.3  # until an agent that is away must be back; the shipped program has 45 and 8


@functools.cache
def hasty_shim() -> Path:
    """Build the program with the limits above, by its own Makefile, outside the tree."""
    folder = Path(tempfile.mkdtemp(prefix="sim-hasty-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ignored = shutil.ignore_patterns("build")
    shutil.copytree(SOURCES, folder, ignore=ignored, dirs_exist_ok=True)
    limits = {
        "CNI_TIMEOUT_MS": PATIENCE_S,
        "CNI_TIMEOUT_PLAIN_MS": PATIENCE_PLAIN_S,
        "CNI_AGENT_WAIT_ADD_MS": BACK_S,
        "CNI_AGENT_WAIT_DEL_MS": BACK_S,
    }
    flags = " ".join(f"-D{name}={int(value * 1000)}" for name, value in limits.items())
    command = ["make", "-s", "-C", str(folder), "build/fdpipe-sim", f"CPPFLAGS={flags}"]
    subprocess.run(command, check=True)
    return folder / "build" / "fdpipe-sim"


def accepts_nobody(listener: socket.socket, over: threading.Event, stack: ExitStack) -> None:
    """Its queue is full: connect(2) itself hangs."""
    for _ in range(64):
        one = stack.enter_context(socket.socket(socket.AF_UNIX))
        one.setblocking(False)
        with suppress(BlockingIOError):
            one.connect(listener.getsockname())
    over.wait()


def reads_nothing(listener: socket.socket, over: threading.Event, stack: ExitStack) -> None:
    """It takes the connection, and a long call does not fit into the socket's buffer."""
    stack.enter_context(listener.accept()[0])
    over.wait()


def answers_nothing(listener: socket.socket, over: threading.Event, stack: ExitStack) -> None:
    connection = stack.enter_context(listener.accept()[0])
    connection.settimeout(0.05)
    while not over.is_set():
        with suppress(TimeoutError):
            connection.recv(1 << 20)


def never_ends(listener: socket.socket, over: threading.Event, stack: ExitStack) -> None:
    """It answers a byte at a time: each is in time, the whole is not."""
    connection = stack.enter_context(listener.accept()[0])
    connection.settimeout(0.05)
    while not over.wait(0.02):
        with suppress(TimeoutError):
            connection.recv(1 << 20)
        with suppress(OSError):  # the shim gave up
            connection.send(b"0")


WAYS: dict[str, Callable[[socket.socket, threading.Event, ExitStack], None]] = {
    "accepts nobody": accepts_nobody,
    "reads nothing": reads_nothing,
    "answers nothing": answers_nothing,
    "never ends": never_ends,
}


@contextmanager
def hanging(state: Path, way: str) -> Iterator[None]:
    """An agent that hangs in that way, at the socket in `state`, for one call."""
    over = threading.Event()
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(state / "cni.sock"))
        stack.callback((state / "cni.sock").unlink)
        listener.listen(1)
        thread = threading.Thread(target=WAYS[way], args=(listener, over, stack))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
