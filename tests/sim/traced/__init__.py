"""Which functions of ours are called, and in which order: by this process, or by others."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sim.traced.sitecustomize import AGAIN, FILE, record

_PATIENCE_S = 10.0


class Trace:
    """The calls of every Python process that is started while its environment stands."""

    def __init__(self, file: Path, patch: pytest.MonkeyPatch) -> None:
        self._file = file
        file.touch()
        patch.setenv(FILE, str(file))
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)

    def again(self, pid: int) -> None:
        """Let a process write every function once more: what follows is another walk."""
        os.kill(pid, signal.SIGUSR1)
        deadline = time.monotonic() + _PATIENCE_S
        while AGAIN not in self._file.read_text().splitlines():  # a file tells nobody that it grew
            assert time.monotonic() < deadline, f"process {pid} is not traced"
            time.sleep(0.01)

    def calls(self) -> list[str]:
        """Return them since the last `again`, as `package.module.function`."""
        return self._file.read_text().rpartition(f"{AGAIN}\n")[2].splitlines()


@contextmanager
def recording() -> Iterator[list[str]]:
    """Write down the calls of this process."""
    calls: list[str] = []
    record(calls.append)
    try:
        yield calls
    finally:
        threading.setprofile(None)
        sys.setprofile(None)
