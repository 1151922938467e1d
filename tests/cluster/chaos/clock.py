"""A wall clock that is set while a program runs: libfaketime, for that one process.

The machine's own clock stays as it is, and so does the process's monotonic clock.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "libfaketime"
_LIBRARIES = "usr/lib/*-linux-gnu/faketime/libfaketime.so.1"


class FakeClock:
    """The environment of a process, and the file by which its clock is set."""

    def __init__(self, folder: Path, *, days: int = 0) -> None:
        found = [*Path("/").glob(_LIBRARIES)]
        if not found:
            raise RuntimeError(f"{PACKAGE} is not installed: run apt-get install -y {PACKAGE}")
        self._file = folder / "clock"
        self.set(days=days)
        self.environment = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, *, days: int) -> None:
        """Put the clock ahead of (or behind) the machine's, at once."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{days:+d}d\n")
        new.replace(self._file)

    @contextmanager
    def inherited(self) -> Iterator[None]:
        """Whoever is started in this context has the clock."""
        with pytest.MonkeyPatch.context() as patched:
            for name, value in self.environment.items():
                patched.setenv(name, value)
            yield
