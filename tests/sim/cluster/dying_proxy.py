"""A door to the apiserver at which the controller dies: once at each write that is new.

Plain HTTP towards the controller. What it asks is passed on as it is; the first time that a kind of
write comes by, the controller is killed, before the apiserver hears of it or after it has answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from netvsc_deviceplugin.apiserver.access import Access
from sim.cluster.kubeconfig import kubeconfig

_PASSED = ("Accept", "Content-Type")


class DeadlyDoor:
    """An async context manager. `victim` is the process to kill, None for none."""

    def __init__(self, access: Access, *, before: bool) -> None:
        self._access = access
        self._before = before
        self._seen: set[str] = set()
        self.victim: int | None = None
        self.deaths = 0

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._access.tls() or False)
        self._session = aiohttp.ClientSession(
            connector=connector, headers=self._access.headers(), auto_decompress=False
        )
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._pass)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        await self._session.close()

    def kubeconfig(self, folder: Path) -> Path:
        """Write a kubeconfig that leads here."""
        return kubeconfig(folder, f"http://127.0.0.1:{self._runner.addresses[0][1]}")

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fatal = request.method != "GET" and self._is_new(request, body)
        if fatal and self._before:
            self._kill()
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        if fatal and self._before:
            return web.Response(status=503)
        async with self._session.request(
            request.method,
            self._access.server + str(request.rel_url),
            data=body or None,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as answer:
            if fatal:
                await answer.read()
                self._kill()
            return await _relay(request, answer)

    def _is_new(self, request: web.Request, body: bytes) -> bool:
        """Tell writes apart by what they do, not by the times and versions in them."""
        if self.victim is None:
            return False
        said = json.loads(body)
        status, spec = said.get("status") or {}, said.get("spec") or {}
        conditions = [(one["type"], one["status"]) for one in status.get("conditions") or []]
        what = [request.method, request.path, said.get("reason"), conditions, spec.get("announce")]
        told = (said.get("metadata") or {}).get("annotations") or {}
        regarding = (said.get("regarding") or {}).get("kind")
        key = json.dumps([*what, told, regarding])
        new = key not in self._seen
        self._seen.add(key)
        return new

    def _kill(self) -> None:
        if self.victim is not None:
            self.deaths += 1
            with suppress(ProcessLookupError):
                os.kill(self.victim, signal.SIGKILL)
            self.victim = None


async def _relay(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """Pass an answer on as it comes: a watch's never ends."""
    response = web.StreamResponse(status=answer.status)
    response.content_type = answer.content_type
    await response.prepare(request)
    with suppress(ConnectionResetError, asyncio.CancelledError):
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
    return response
