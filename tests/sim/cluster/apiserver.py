"""An apiserver of a few lines: one kind of object, lists in pages, watches that a test conducts."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from netvsc_deviceplugin.apiserver.access import Access

Object = dict[str, Any]


def thing(name: str, version: int, **spec: object) -> Object:
    return {"metadata": {"name": name, "resourceVersion": str(version)}, "spec": spec}


def status(code: int, message: str, reason: str) -> Object:
    return {"kind": "Status", "code": code, "message": message, "reason": reason}


@asynccontextmanager
async def served(
    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Access]:
    """Let `answer` answer on a port of its own; whoever watches must have been let go before."""
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        scheme = "https" if tls else "http"
        server = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
        yield Access(server=server, token="simulated")  # noqa: S106 (opens nothing)
    finally:
        await runner.cleanup()


class Apiserver:
    """`objects` are what a list returns. A watch sends what `say` is given; `asked` is the log."""

    def __init__(self) -> None:
        self.objects: list[Object] = []
        self.version = 1
        self.page = 500
        self.refuse: list[tuple[int, Object | str]] = []
        self.asked: list[web.Request] = []
        self.bodies: list[bytes] = []
        self._said: asyncio.Queue[str | None] = asyncio.Queue()
        self.watching = asyncio.Event()

    def say(self, kind: str, what: Object) -> None:
        self.write(json.dumps({"type": kind, "object": what}) + "\n")

    def write(self, text: str) -> None:
        """Let the watch send this, whatever it is."""
        self._said.put_nowait(text)

    def hang_up(self) -> None:
        """End the watch that runs, as the apiserver does after its time."""
        self._said.put_nowait(None)

    def queries(self) -> list[dict[str, str]]:
        return [dict(request.query) for request in self.asked]

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Access]:
        async with served(self._answer, tls) as access:
            try:
                yield access
            finally:
                self.hang_up()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)  # type: ignore[arg-type]
        self.bodies.append(await request.read())
        if self.refuse:
            code, what = self.refuse.pop(0)
            text = what if isinstance(what, str) else json.dumps(what)
            return web.Response(status=code, text=text, headers={"Retry-After": "0"})
        if request.query.get("watch"):
            return await self._watch(request)
        if request.method != "GET":
            said = json.loads(self.bodies[-1] or b"{}")
            return web.json_response(said if isinstance(said, dict) else {})
        return web.json_response(self._page(request))

    def _page(self, request: web.BaseRequest) -> Object:
        begin = int(request.query.get("continue", "0"))
        end = begin + self.page
        meta = {"resourceVersion": str(self.version)}
        if end < len(self.objects):
            meta["continue"] = str(end)
        return {"metadata": meta, "items": self.objects[begin:end]}

    async def _watch(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        self.watching.set()
        while (said := await self._said.get()) is not None:
            await response.write(said.encode())
        self.watching.clear()
        return response
