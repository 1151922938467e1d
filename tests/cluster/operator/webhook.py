"""The webhook beside a control plane: in the node's network, so that the apiserver reaches it.

The configurations are the chart's own; a URL stands in place of the Service, which would need a
node with a proxy.
"""

from __future__ import annotations

import base64
import http.client
import re
import signal
import ssl
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml

from cluster.harness import namespaces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.harness import Cluster
    from sim.cluster.secret import Secret

Object = dict[str, Any]
PORT, STATUS_PORT = 9443, 9472
CONFIGURATION = "netvsc-webhook"
_CHART = Path(__file__).parents[3] / "charts" / "netvsc-operator"


def configurations(cluster: Cluster, *, port: int = PORT) -> list[Object]:
    """Return what the chart makes, without anybody's authority yet."""
    text = cluster.helm(
        *("template", "netvsc", str(_CHART), "--set", "operator.enabled=true"),
        *("--kube-version", "1.30.0"),
        *("--show-only", "templates/webhook/configuration.yaml"),
    )
    found = [thing for thing in yaml.safe_load_all(text) if thing]
    for thing in found:
        for webhook in thing["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            webhook["clientConfig"] = {"url": f"https://127.0.0.1:{port}{path}"}
    return found


class Webhook:
    """A running process; `lines` is what it has logged."""

    def __init__(self, cluster: Cluster, tls: Path) -> None:
        self._cluster = cluster
        self._tls = tls
        self._listening = threading.Event()
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        config = self._cluster.layout.conf / "admin.kubeconfig"
        self._process = subprocess.Popen(
            [
                *("nsenter", "--target", str(self._cluster.node.pid), "--net"),
                *(sys.executable, "-m", "netvsc_operator", "webhook", "--tls", str(self._tls)),
                *("--listen", f"127.0.0.1:{PORT}", "--metrics", f"127.0.0.1:{STATUS_PORT}"),
                *("--kubeconfig", str(config), "--fdpipe-image", "registry.example/fdpipe:1"),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._listening.wait(timeout=20), "".join(self.lines)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        if self._process.stderr:
            self._process.stderr.close()

    def page(self, path: str) -> tuple[int, str]:
        connection = self._connection(STATUS_PORT)
        return _exchange(connection, "GET", path)

    def metric(self, name: str, **labels: str) -> float:
        shown = ",".join(f'{key}="{value}"' for key, value in labels.items())
        wanted = f"{name}{{{shown}}}" if shown else name
        found = re.search(rf"^{re.escape(wanted)} (\S+)$", self.page("/metrics")[1], re.MULTILINE)
        assert found, f"no sample {wanted}"
        return float(found.group(1))

    def asked(self) -> int:
        """Return how many requests have reached the process."""
        return int(self.metric("netvsc_admission_seconds_count"))

    def ask(self, body: bytes, authority: str) -> tuple[int, str]:
        """Send a request as the apiserver would, past it."""
        connection = self._connection(PORT)
        context = ssl.create_default_context(cadata=authority)
        assert connection.sock
        connection.sock = context.wrap_socket(connection.sock, server_hostname="127.0.0.1")
        return _exchange(connection, "POST", "/mutate", body)

    def connections(self) -> int:
        """Return how many connections to the process there are or were within the last minute."""
        table = Path(f"/proc/{self._process.pid}/net/tcp").read_text()
        rows = [line.split() for line in table.splitlines()[1:]]
        return sum(row[1].endswith(f":{PORT:04X}") and row[3] != "0A" for row in rows)

    def _connection(self, port: int) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.sock = namespaces.connect(self._cluster.node.pid, "127.0.0.1", port)
        return connection

    def _read(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            self.lines.append(line)
            if "admission on" in line:
                self._listening.set()
        self._listening.set()


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[int, str]:
    with closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@contextmanager
def trusted(cluster: Cluster, secret: Secret) -> Iterator[None]:
    """The chart's configurations, with the authority of a folder."""
    bundle = base64.b64encode(secret.authority.certificate.encode()).decode()
    things = configurations(cluster)
    for thing in things:
        for webhook in thing["webhooks"]:
            webhook["clientConfig"]["caBundle"] = bundle
    cluster.apply(*things)
    try:
        yield
    finally:
        for thing in things:
            cluster.kubectl("delete", thing["kind"], thing["metadata"]["name"])
