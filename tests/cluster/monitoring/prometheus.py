"""A real Prometheus inside the node's network, for tests that ask what a person would see.

Debian's program, unpacked and not installed; promtool comes with it.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from cluster.harness import namespaces, packages
from cluster.harness.health import healthy
from cluster.harness.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from cluster.harness import Cluster, Layout

PORT = 19090
_SCRAPE = "1s"


class Prometheus:
    """Ask it in its own language; an answer is a list of samples, labels first."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        found = self._get("/api/v1/query", query=query)["data"]["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in found]

    def value(self, query: str) -> float | None:
        """The one sample a query has, or None for none."""
        found = self.ask(query)
        assert len(found) <= 1, f"{query} is {len(found)} series: {found}"
        return found[0][1] if found else None

    def series(self) -> set[str]:
        """The names of all metrics it has ever seen."""
        return {*self._get("/api/v1/label/__name__/values")["data"]}

    def targets_up(self) -> bool:
        active = self._get("/api/v1/targets")["data"]["activeTargets"]
        return bool(active) and all(target["health"] == "up" for target in active)

    def _get(self, path: str, **words: str) -> dict[str, Any]:
        asked = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
        asked.sock = namespaces.connect(self._cluster.node.pid, "127.0.0.1", PORT)
        try:
            asked.request("GET", f"{path}?{urlencode(words)}")
            answer = asked.getresponse()
            text = answer.read().decode()
            assert answer.status == http.client.OK, f"{path} {words}: {text}"
            found: dict[str, Any] = json.loads(text)
            return found
        finally:
            asked.close()


def program(layout: Layout, name: str = "prometheus") -> Path:
    """`prometheus` or `promtool`."""
    packages.unpack("prometheus", layout.packages)
    return layout.packages / "prometheus/usr/bin" / name


@contextmanager
def scraping(cluster: Cluster, targets: Mapping[str, list[str]]) -> Iterator[Prometheus]:
    """Scrape `targets`, addresses by job, once a second while the context lasts."""
    home = cluster.layout.run / "prometheus"
    home.mkdir()
    jobs = [
        {"job_name": job, "static_configs": [{"targets": where}]} for job, where in targets.items()
    ]
    config = {
        "global": {"scrape_interval": _SCRAPE, "scrape_timeout": _SCRAPE},
        "scrape_configs": jobs,
    }
    (home / "prometheus.json").write_text(json.dumps(config))
    argv = [
        str(program(cluster.layout)),
        f"--config.file={home}/prometheus.json",
        f"--storage.tsdb.path={home}/data",
        f"--web.listen-address=127.0.0.1:{PORT}",
        "--log.level=warn",
    ]
    with (home / "log").open("wb") as log:
        running = subprocess.Popen(
            namespaces.entered(cluster.node.pid, ["setpriv", "--pdeathsig", "KILL", *argv]),
            stdout=log,
            stderr=log,
        )
    try:
        ready = f"http://127.0.0.1:{PORT}/-/ready"
        until(lambda: healthy(cluster.node.pid, ready), what="Prometheus to answer", seconds=20)
        yield Prometheus(cluster)
    finally:
        running.terminate()
        running.wait(timeout=10)
        shutil.rmtree(home)
