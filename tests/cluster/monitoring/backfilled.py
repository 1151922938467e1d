"""A real Prometheus, Debian's, over a recording instead of targets."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from cluster.harness import layout
from cluster.harness.wait import until
from cluster.monitoring import dashboards, night
from cluster.monitoring.dashboards import SCRAPE_S
from cluster.monitoring.prometheus import program
from cluster.monitoring.recorded import scrape

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster.monitoring.night import Night

Series = tuple[dict[str, str], list[tuple[float, float]]]
BEGIN = night.START + 4 * SCRAPE_S  # before that a rate has too few scrapes
END = night.START + 60 * night.MINUTES - SCRAPE_S
_RETENTION = "100y"  # the recording's times are the story's own


class Backfilled:
    def __init__(self, port: int) -> None:
        self._port = port

    def at(self, query: str, when: float = END) -> list[Series]:
        found = self._ask("query", query=query, time=when)
        return [(one["metric"], [_sample(one["value"])]) for one in found["result"]]

    def over(self, query: str, *, step: int) -> list[Series]:
        """The whole night."""
        found = self._ask("query_range", query=query, start=BEGIN, end=END, step=step)
        return [(one["metric"], [*map(_sample, one["values"])]) for one in found["result"]]

    def ready(self) -> bool:
        try:
            return self._get("/-/ready")[0] == http.client.OK
        except OSError:
            return False

    def _ask(self, what: str, **words: object) -> dict[str, Any]:
        status, text = self._get(f"/api/v1/{what}?{urlencode(words)}")
        assert status == http.client.OK, f"{words}: {text}"
        found: dict[str, Any] = json.loads(text)["data"]
        return found

    def _get(self, path: str) -> tuple[int, str]:
        asked = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        with closing(asked):
            asked.request("GET", path)
            answer = asked.getresponse()
            return answer.status, answer.read().decode()


def _sample(pair: list[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


@contextmanager
def playing(home: Path) -> Iterator[Backfilled]:
    """The night of `cluster.monitoring.night`, its recording rules evaluated."""
    data = home / "data"
    (home / "recording").write_text(recording(night.Night()))
    _promtool("tsdb", "create-blocks-from", "openmetrics", str(home / "recording"), str(data))
    with _running(home) as before:
        times = (f"--start={night.START}", f"--end={END}", f"--eval-interval={SCRAPE_S}s")
        where = (f"--url=http://127.0.0.1:{before}", f"--output-dir={data}")
        rules = str(dashboards.MONITORING / "rules.yaml")
        _promtool("tsdb", "create-blocks-from", "rules", *times, *where, rules)
    with _running(home) as port:  # blocks are looked for at its start
        yield Backfilled(port)


def recording(told: Night) -> str:
    lines: list[str] = []
    for second in range(60 * night.MINUTES):
        told.second(second)
        if second % SCRAPE_S == 0:
            for target in told.targets():
                lines.extend(scrape(target, night.START + second))
    return "\n".join([*lines, "# EOF", ""])


def _promtool(*words: str) -> None:
    tool = str(program(layout("dashboards"), "promtool"))
    done = subprocess.run([tool, *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _running(home: Path) -> Iterator[int]:
    port = _free_port()
    (home / "prometheus.yml").write_text("{}")
    argv = [
        *("setpriv", "--pdeathsig", "KILL", str(program(layout("dashboards")))),
        f"--config.file={home}/prometheus.yml",
        f"--storage.tsdb.path={home}/data",
        f"--storage.tsdb.retention.time={_RETENTION}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with (home / "log").open("ab") as log:
        running = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        until(Backfilled(port).ready, what="Prometheus to answer", seconds=30, pause=0.1)
        yield port
    finally:
        running.terminate()
        running.wait(timeout=20)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
