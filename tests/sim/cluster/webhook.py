"""The webhook as a process of its own, and a client that speaks to it as the apiserver does."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp

POOLS = "pools:\n- name: pair\n"
Object = dict[str, Any]


def pod(*, command: bool = True, resource: str = "netvsc.io/pair", **extra: object) -> Object:
    """A pod that requests one pair."""
    container: Object = {
        "name": "fwd",
        "image": "registry.example/fwd:1",
        "resources": {"limits": {resource: "1"}},
    }
    if command:
        container |= {"command": ["dpdk-testpmd"], "args": ["-l", "0,1"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "fwd", **extra},
        "spec": {"containers": [container]},
    }


def review(thing: Object, *, uid: str = "u-1") -> Object:
    request = {
        "uid": uid,
        "kind": {"group": "", "version": "v1", "kind": thing.get("kind", "Pod")},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "operation": "CREATE",
        "namespace": "default",
        "object": thing,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


class Webhook:
    """A running one: `port` answers reviews, `status_port` probes."""

    def __init__(self, process: asyncio.subprocess.Process, lines: list[str]) -> None:
        self.process = process
        self.lines = lines
        self.port = _port("admission on", lines)
        self.status_port = _port("status on", lines)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def page(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.status_port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()

    async def metric(self, name: str, **labels: str) -> float:
        """A sample's value; 0.0 where there is none yet."""
        _, text = await self.page("/metrics")
        shown = ",".join(f'{key}="{value}"' for key, value in labels.items())
        wanted = f"{name}{{{shown}}}" if shown else name
        found = re.search(rf"^{re.escape(wanted)} (\S+)$", text, flags=re.MULTILINE)
        return float(found.group(1)) if found else 0.0

    async def said(self, text: str, *, seconds: float = 10.0) -> str:
        """Wait for a line of the log."""
        async with asyncio.timeout(seconds):
            while True:
                for line in self.lines:
                    if text in line:
                        return line
                await self._read()

    async def _read(self) -> None:
        assert self.process.stderr
        line = await self.process.stderr.readline()
        assert line, "it has ended:\n" + "".join(self.lines)
        self.lines.append(line.decode())


def _port(what: str, lines: Sequence[str]) -> int:
    found = next(line for line in lines if what in line)
    return int(re.search(r":(\d+)\"", found.partition(what)[2]).group(1))  # type: ignore[union-attr]


@asynccontextmanager
async def running(tls: Path, *arguments: str, before: Sequence[str] = ()) -> AsyncIterator[Webhook]:
    """Start one on ports that are free, with `before` in front of its command line."""
    words = [
        *before,
        *(sys.executable, "-m", "netvsc_operator", "webhook", "--listen", "127.0.0.1:0"),
        *("--metrics", "127.0.0.1:0", "--tls", str(tls), "--leave-seconds", "0.3"),
        *("--fdpipe-image", "registry.example/netvsc-fdpipe:1", *arguments),
    ]
    process = await asyncio.create_subprocess_exec(
        *words, stderr=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        yield Webhook(process, await _until_it_listens(process))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _until_it_listens(process: asyncio.subprocess.Process) -> list[str]:
    assert process.stderr
    lines: list[str] = []
    while not any("admission on" in line for line in lines):
        line = await asyncio.wait_for(process.stderr.readline(), timeout=20)
        assert line, "it has ended:\n" + "".join(lines)
        lines.append(line.decode())
    return lines


class Client:
    """Keeps connections, as the apiserver does; `connections` counts those that were made."""

    def __init__(self, port: int, authority: str) -> None:
        self._url = f"https://127.0.0.1:{port}"
        self._tls = ssl.create_default_context(cadata=authority)
        self.connections = 0

    async def __aenter__(self) -> Self:
        async def counted(*_: object) -> None:
            self.connections += 1

        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(counted)
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, trace_configs=[trace])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def post(
        self, body: bytes | AsyncIterator[bytes], path: str = "/mutate"
    ) -> tuple[int, str]:
        data = io.BytesIO(body) if isinstance(body, bytes) else body
        async with self._session.post(
            self._url + path, data=data, headers={"Content-Type": "application/json"}
        ) as response:
            return response.status, await response.text()

    async def ask(self, thing: Object, path: str = "/mutate") -> Object:
        status, text = await self.post(json.dumps(review(thing)).encode(), path)
        assert status == 200, text
        answer: Object = json.loads(text)["response"]
        return answer

    async def fresh(self) -> None:
        """Let go of every connection, so that the next request shakes hands again."""
        await self._session.close()
        await self.__aenter__()
