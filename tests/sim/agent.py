"""The real agent as a process on a simulated host, with a kubelet's folder of its own.

What waits is a coroutine: the kubelet that the agent talks to runs in the same event loop.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sim.kernel import netns
from sim.kernel.host import Host

PATIENCE = 10.0  # seconds after which something that should have come has not
_TICK = os.sysconf("SC_CLK_TCK")


class AgentProcess:
    """`netvsc-deviceplugin` in the host's network namespace; an async context manager.

    `within` is a command that starts it.
    """

    def __init__(self, host: Host, folder: Path, *options: str, within: Sequence[str] = ()) -> None:
        self.host = host
        command = [*within, sys.executable, "-m", "netvsc_deviceplugin", "--sim", str(host.sysfs)]
        command += ["--kubelet", str(folder), "--state", str(folder / "state")]
        command += ["--devinfo", str(folder / "devinfo"), "--imds", "off"]
        command += ["--listen", "127.0.0.1:0", *options]
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", host.netns, *command], stderr=subprocess.PIPE, text=True
        )
        self.log: list[dict[str, Any]] = []
        self._news: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        self._port = 0

    async def __aenter__(self) -> Self:
        try:
            line = await self.said("health on port")
        except BaseException:
            self.stop()
            raise
        self._port = int(line["message"].rsplit(" ", 1)[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.join()

    def join(self) -> int:
        """Wait for the end, return the exit code."""
        code = self.process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        if self.process.stderr:
            self.process.stderr.close()
        return code

    async def said(self, text: str) -> dict[str, Any]:
        """Wait for a log line that contains `text`; lines that were waited for are in `log`."""
        deadline = time.monotonic() + PATIENCE
        while line := await asyncio.to_thread(self._line, deadline):
            self.log.append(line)
            if text in line["message"]:
                return line
        raise AssertionError(f"the agent did not say {text!r}; it said {self.log}")

    def get(self, page: str) -> tuple[int, str]:
        """Fetch a page of the agent; returns status and body."""

        def fetch() -> tuple[int, str]:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{page}") as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read().decode()

        return netns.within(self.host.netns, fetch)

    def metric(self, sample: str) -> float:
        """Return one sample, e.g. `netvsc_scans_total{reason="link"}`; 0 where there is none."""
        _, body = self.get("/metrics")
        lines = dict(line.rsplit(" ", 1) for line in body.splitlines() if line[:1] != "#")
        return float(lines.get(sample, 0))

    async def until(self, holds: Callable[[AgentProcess], bool], what: str) -> None:
        """Scrape until `holds`: a scraper is not told, it asks."""
        deadline = time.monotonic() + PATIENCE
        while not await asyncio.to_thread(holds, self):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {PATIENCE:.0f} s: {what}")
            await asyncio.sleep(0.02)

    def cpu(self) -> float:
        """Return the CPU seconds used so far."""
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / _TICK

    def _line(self, deadline: float) -> dict[str, Any] | None:
        try:
            return self._news.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None

    def _follow(self) -> None:
        for line in self.process.stderr or ():
            self._news.put(
                json.loads(line) if line[:1] == "{" else {"message": line, "level": "stderr"}
            )
        self._news.put(None)


class AgentFolder:
    """A short path for the kubelet's and the agent's folders: a socket's may have 107 bytes."""

    def __enter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="sim-", dir="/tmp"))
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)
