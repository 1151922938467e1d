"""Admission, whole: TLS, HTTP, the decision and back, as the apiserver asks for it.

Each server runs in a process of its own on one core, this client on the others. Connections are
kept. Beside it, in the same run, kopf's own webhook server; a Go peer's figures stand quoted in
docs/benchmarks.md.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from bench import decide  # noqa: E402 (after the path that leads to the simulator)
from sim.cluster.secret import Secret  # noqa: E402
from sim.cluster.webhook import POOLS  # noqa: E402

REVIEWS = 30  # per round
CLIENTS = 16
WARM_UP = 300
_FIRST = min(os.sched_getaffinity(0))
_LENGTH = re.compile(rb"Content-Length: (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process that answers on `port`; `name` is how its rows are called."""

    name: str
    pid: int
    port: int

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(rounds: int) -> dict[str, list[float]]:
    """Return seconds a review at one client and at sixteen, CPU a review, and reviews a second."""
    found = decide.measure(rounds)
    with tempfile.TemporaryDirectory(prefix="sim-", dir="/tmp") as made:
        secret = Secret(Path(made) / "tls")
        secret.renew()
        (Path(made) / "pools.yaml").write_text(POOLS)
        for start in (_ours, _kopfs):
            with _alone(), start(secret, Path(made)) as server:
                found |= _measure(server, secret, rounds * REVIEWS)
    return found


def _measure(server: Server, secret: Secret, count: int) -> dict[str, list[float]]:
    trust = ssl.create_default_context(cadata=secret.authority.certificate)
    body = json.dumps(_review()).encode()
    one = _one_by_one(server, trust, body, count=WARM_UP + count)[WARM_UP:]
    cpu, began = server.cpu_s(), time.perf_counter()
    many = asyncio.run(_asked(server, trust, body, clients=CLIENTS, count=count))
    passed, used = time.perf_counter() - began, server.cpu_s() - cpu
    return {
        f"{server.name}: one client": one,
        f"{server.name}: 16 clients": many,
        f"{server.name}: CPU of a review": [used / len(many)],
        f"{server.name}: reviews per second, one core": [len(many) / passed],
    }


def _one_by_one(server: Server, trust: ssl.SSLContext, body: bytes, *, count: int) -> list[float]:
    """Ask as plainly as can be: an event loop here would be part of what is measured."""
    times, request = [], _request(body)
    plain = socket.create_connection(("127.0.0.1", server.port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with trust.wrap_socket(plain, server_hostname="127.0.0.1") as sock:
        for _ in range(count):
            began = time.perf_counter()
            sock.sendall(request)
            answer = sock.recv(1 << 16)
            while not _whole(answer):
                answer += sock.recv(1 << 16)
            times.append(time.perf_counter() - began)
    return times


def _request(body: bytes) -> bytes:
    head = (
        "POST /mutate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _whole(answer: bytes) -> bool:
    """Tell whether an answer has arrived; it must hold a patch."""
    head, gap, body = answer.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if not gap or not length or len(body) < int(length.group(1)):
        return False
    assert b'"patchType"' in body, answer
    return True


async def _asked(
    server: Server, trust: ssl.SSLContext, body: bytes, *, clients: int, count: int
) -> list[float]:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    opened = [
        await loop.create_connection(
            lambda: _Client(body, times, count // clients), "127.0.0.1", server.port, ssl=trust
        )
        for _ in range(clients)
    ]
    for _, client in opened:
        client.ask()
    await asyncio.gather(*(client.done for _, client in opened))
    for transport, _ in opened:
        transport.abort()
    return times


class _Client(asyncio.Protocol):
    """Asks again as soon as it has its answer."""

    def __init__(self, body: bytes, times: list[float], count: int) -> None:
        self._request = _request(body)
        self._times = times
        self._left = count
        self._answer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self) -> None:
        self._answer = b""
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not _whole(self._answer):
            return
        self._times.append(time.perf_counter() - self._began)
        self._left -= 1
        if self._left:
            self.ask()
        else:
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server hung up"))


def _review() -> dict[str, object]:
    """Return a review with what kopf needs besides: a resource and a user."""
    asked = decide.review()
    asked["request"] |= {
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "default",
        "userInfo": {"username": "somebody"},
    }
    asked["request"]["object"]["metadata"]["namespace"] = "default"
    return asked


@contextmanager
def _ours(secret: Secret, folder: Path) -> Iterator[Server]:
    words = [
        *("-m", "netvsc_operator", "webhook", "--tls", str(secret.folder)),
        *("--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"),
        *("--pools", str(folder / "pools.yaml"), "--fdpipe-image", "fdpipe:1"),
    ]
    with _running(words, pattern=r"admission on .*:(\d+)\"") as (pid, port):
        yield Server(name="admission", pid=pid, port=port)


@contextmanager
def _kopfs(secret: Secret, _: Path) -> Iterator[Server]:
    files = [str(secret.folder / name) for name in ("tls.crt", "tls.key")]
    words = [str(ROOT / "bench" / "kopf_webhook.py"), *files]
    with _running(words, pattern=r"^(\d+)$") as (pid, port):
        yield Server(name="kopf's webhook server", pid=pid, port=port)


@contextmanager
def _running(words: list[str], *, pattern: str) -> Iterator[tuple[int, int]]:
    """Start a Python program on the first core, and wait for the line that names its port."""
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {_FIRST}),  # noqa: PLW1509 (no threads here)
    )
    assert process.stdout
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if found := re.search(pattern, line):
                break
        else:
            raise RuntimeError("".join(said))
        yield process.pid, int(found.group(1))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def _alone() -> Iterator[None]:
    """Leave the first core to the server."""
    all_ = os.sched_getaffinity(0)
    os.sched_setaffinity(0, all_ - {_FIRST} or all_)
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_)
