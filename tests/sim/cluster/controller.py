"""The real controller as a process, with deadlines that a test can wait for."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

PATIENCE_S = 30.0  # after which a process that should have started has not
_TICK_S = 0.05


class ControllerProcess:
    """An async context manager; `pace` is patience and pauses in seconds, as `2,5,15,45`."""

    def __init__(self, kubeconfig: Path, *, pace: str = "2,5,15,45") -> None:
        command = [sys.executable, "-m", "sim.cluster.controller", str(kubeconfig), pace]
        self.process = subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PROMETHEUS_DISABLE_CREATED_SERIES": "True"},
        )
        self.log: list[dict[str, Any]] = []
        self._port: queue.Queue[int] = queue.Queue()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        self.port = 0

    async def __aenter__(self) -> Self:
        try:
            self.port = await asyncio.to_thread(self._port.get, timeout=PATIENCE_S)
        except queue.Empty:
            self.stop(signal.SIGKILL)
            raise AssertionError(f"the controller did not start: {self.log}") from None
        except BaseException:
            self.stop(signal.SIGKILL)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self._thread.join(PATIENCE_S)
        if self.process.stderr:
            self.process.stderr.close()
        return code

    async def ready(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not (await self.page("readyz")).startswith("ok"):  # noqa: ASYNC110 (a process)
                await asyncio.sleep(_TICK_S)

    async def page(self, name: str) -> str:
        return await asyncio.to_thread(self._get, name)

    def _get(self, name: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{name}") as answer:
                text: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                text = error.read()
        return text.decode()

    async def metric(self, series: str) -> float:
        """Return the value of one series, named with its labels as it is exported."""
        for line in (await self.page("metrics")).splitlines():
            if line.startswith(f"{series} "):
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"{series} is not exported")

    def memory_mib(self, field: str = "VmHWM") -> float:
        """Return the process's memory, by default the most that it ever was."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(f"{field}:"))
        return int(line.split()[1]) / 1024

    def cpu_s(self) -> float:
        """Return the CPU time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _follow(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            try:
                said = json.loads(line)
            except ValueError:
                said = {"message": line.rstrip()}
            self.log.append(said)
            message = str(said.get("message", ""))
            if message.startswith("health on port"):
                self._port.put(int(message.rsplit(" ", 1)[1]))


def _serve(kubeconfig: Path, pace: str) -> None:
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 (the other side of this file)

    from netvsc.host import logs  # noqa: PLC0415
    from netvsc_operator.controller.events.reannounce import RetrySchedule  # noqa: PLC0415
    from netvsc_operator.controller.process import ControllerProcess, ControllerSettings  # noqa: PLC0415
    from netvsc_operator.kube import Kube, config_loader  # noqa: PLC0415

    logs.configure(level=logging.INFO)
    patience, *pauses = (float(word) for word in pace.split(","))
    settings = ControllerSettings(
        listen="127.0.0.1:0",
        schedule=RetrySchedule(patience_s=patience, pauses_s=tuple(pauses)),
    )

    async def control() -> None:
        async with Kube(config_loader(kubeconfig)) as kube:
            await ControllerProcess(settings, CollectorRegistry()).run(kube)

    asyncio.run(control())


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
