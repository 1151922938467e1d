"""DPDK's testpmd at a terminal of its own, followed by its events: nothing here sleeps."""

from __future__ import annotations

import itertools
import os
import pty
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 30.0  # seconds until something that should have happened counts as not happening
PROMPT = "testpmd> "
# Written letter by letter since 23.11, so that a log's lines may come in between.
_PROMPTED = "|".join(
    [re.escape(PROMPT)]
    + [
        rf"{re.escape(PROMPT[:at])}(?:[^\n]*\n)+?{re.escape(PROMPT[at:])}"
        for at in range(1, len(PROMPT))
    ]
)
_NOISE = re.compile(r"\r|\x1b\[[0-9;]*[A-Za-z]")

_CPUS = ",".join(map(str, sorted(os.sched_getaffinity(0))))
LCORES = f"0@({_CPUS}),1@({_CPUS})"

# As in a pod without hugepages; --no-huge rules out --in-memory. The address of -a cannot exist:
# EAL is to leave all PCI devices to fail-safe. Two lcores: one commands, one forwards.
EAL = ("--no-shconf", "--no-huge", "-m", "256", "--no-telemetry", f"--lcores={LCORES}")
RUNTIME = Path("/run/dpdk")  # where EAL, as root, makes a folder per --file-prefix
_serial = itertools.count(1)
NO_PCI_SCAN = ("-a", "ffff:ff:1f.7")
LOGS = ("--log-level=pmd.net.failsafe:debug",)
APP = ("--total-num-mbufs=4096", "--no-mlockall", "-i")

PLUGGED = r"fakevf: (\S+) probed as port (\d+)"
STARTED = r"[Ss]tarting sub_device 0"
GONE = r"fakevf: \S+ gone"
DETACHED = r"fakevf: (net_fakevf_\S+) removed"
NOT_THERE = r"fakevf: (\S+) is not there"


class EndedError(AssertionError):
    """Testpmd ended while something else was expected of it."""


class SilentError(AssertionError):
    """Testpmd lives and does not say what was expected of it."""


class Testpmd:
    """A testpmd that is running from `with` on, launched by the command before it."""

    __test__ = False  # no test class, whatever its name

    def __init__(  # noqa: PLR0913 - the arguments of a process and of DPDK
        self,
        launcher: Sequence[str],
        *,
        vdevs: Sequence[str],
        eal: Sequence[str] = (),
        app: Sequence[str] = (),
        program: str = "dpdk-testpmd",
        env: dict[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        allow: Sequence[str] = NO_PCI_SCAN,
    ) -> None:
        self._prefix = f"sim-{os.getpid()}-{next(_serial)}"
        words = [
            *EAL,
            f"--file-prefix={self._prefix}",
            *allow,
            *LOGS,
            *eal,
            *(f"--vdev={vdev}" for vdev in vdevs),
        ]
        self._text = ""
        self._times: list[tuple[int, int]] = []  # (where a piece begins, when it came in ns)
        self._news = threading.Condition()
        self._open = True
        self._master, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [*launcher, program, *words, "--", *APP, *app],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            pass_fds=tuple(pass_fds),
            env=os.environ | (env or {}),
            start_new_session=True,
        )
        os.close(terminal)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self.alive():
            self.process.kill()
        self.process.wait()
        self._thread.join(PATIENCE)
        os.close(self._master)
        shutil.rmtree(RUNTIME / self._prefix, ignore_errors=True)

    def _follow(self) -> None:
        while True:
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # EIO: nobody holds the terminal any more
                piece = b""
            with self._news:
                self._times.append((len(self._text), time.monotonic_ns()))
                self._text += _NOISE.sub("", piece.decode(errors="replace"))
                self._open = bool(piece)
                self._news.notify_all()
            if not piece:
                return

    def alive(self) -> bool:
        return self.process.poll() is None

    def text(self, since: int = 0) -> str:
        with self._news:
            return self._text[since:]

    def mark(self) -> int:
        """Return where the text ends now, as `since` for what is awaited next."""
        with self._news:
            return len(self._text)

    def count(self, pattern: str, since: int = 0) -> int:
        return len(re.findall(pattern, self.text(since)))

    def wait(self, pattern: str, since: int = 0, *, timeout: float = PATIENCE) -> re.Match[str]:
        """Return the first match after `since`; EndedError or SilentError if none comes."""
        compiled = re.compile(pattern)
        found: list[re.Match[str]] = []

        def came() -> bool:
            found.extend(compiled.finditer(self._text, since))
            return bool(found) or not self._open

        with self._news:
            self._news.wait_for(came, timeout)
        if found:
            return found[0]
        if self._open:
            raise SilentError(f"{pattern!r} did not come in {timeout} s:\n{self._tail()}")
        raise EndedError(f"{self.verdict()} before {pattern!r}:\n{self._tail()}")

    def when(self, match: re.Match[str]) -> int:
        """Return when the match came, in nanoseconds of CLOCK_MONOTONIC."""
        with self._news:
            return next(at for start, at in reversed(self._times) if start <= match.start())

    def ready(self) -> Self:
        self.wait(_PROMPTED)
        return self

    def command(self, line: str) -> str:
        """Type a command; return what it printed, up to the next prompt."""
        since = self.mark()
        os.write(self._master, f"{line}\n".encode())
        # what is typed comes back mixed with what is logged meanwhile
        return self.wait(rf"(?s)(.*?)(?:{_PROMPTED})", since)[1]

    def forward(self, mode: str = "macswap") -> None:
        self.command(f"set fwd {mode}")
        self.command("start")

    def quit(self) -> int:
        """Leave by the front door; return the exit code, which is to be 0."""
        os.write(self._master, b"quit\n")
        code = self.end()
        assert code == 0, f"testpmd left with {code}:\n{self._tail()}"
        return code

    def end(self, timeout: float = PATIENCE) -> int:
        """Wait until testpmd is gone, however it goes; return the exit code."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"testpmd did not end in {timeout} s:\n{self._tail()}") from None
        self._thread.join(PATIENCE)
        return code

    def verdict(self) -> str:
        return f"testpmd ended with {self.process.wait(PATIENCE)}"

    def _tail(self) -> str:
        with self._news:
            return "\n".join(self._text.splitlines()[-40:])
