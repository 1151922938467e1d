"""Work in child processes that begin as copies of this one: whatever it breaks dies with it."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
MEMORY = 4 << 30  # bytes that a child may ask for: a loop that never ends may eat memory, too
CRASHED = 125


def answer_of(work: Callable[[], T]) -> T:
    """Run it in a child and return what it returns; raises RuntimeError if the child died."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _end(lambda: _send(writing, work()), silent=(1,))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    if not data:
        raise RuntimeError("the child died; run its tests alone to see why")
    found: T = pickle.loads(data)  # noqa: S301 (our own child wrote it)
    return found


class Pool:
    """As many children at once as `jobs`; `ended` hears the exit code of each, None: killed."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._ended: dict[int, Callable[[int | None], None]] = {}

    def run(
        self, tasks: Iterable[tuple[Callable[[], int], float, Callable[[int | None], None]]]
    ) -> None:
        """Run each task, for so many seconds at most."""
        for work, seconds, ended in tasks:
            while len(self._ended) >= self._jobs:
                self._reap()
            self._ended[_started(work, seconds)] = ended
        while self._ended:
            self._reap()

    def _reap(self) -> None:
        child, status = os.waitpid(-1, 0)
        with suppress(ProcessLookupError):  # what its tests started and it could not end
            os.killpg(child, signal.SIGKILL)
        self._ended.pop(child)(os.WEXITSTATUS(status) if os.WIFEXITED(status) else None)


def _started(work: Callable[[], int], seconds: float) -> int:
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.setitimer(signal.ITIMER_REAL, seconds)
        _end(work, silent=(1, 2))
    with suppress(OSError):  # the child may have done so already
        os.setpgid(child, child)
    return child


def _end(work: Callable[[], int], *, silent: tuple[int, ...]) -> None:
    """Silence this child, work, and be gone without any of the parent's farewells."""
    code = CRASHED
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        for fd in silent:
            os.dup2(null, fd)
        code = work()
    except BaseException:  # noqa: BLE001 (told, and then it ends)
        traceback.print_exc()
    finally:
        os._exit(code)


def _send(pipe: int, answer: object) -> int:
    with os.fdopen(pipe, "wb") as out:
        pickle.dump(answer, out)
    return 0
