"""/healthz, /readyz and /metrics, served by the loop that does the work, and hanging if it does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from netvsc.errors import NodeError

# A check returns None when all is well, else the reason why not.
Check = Callable[[], str | None]
Checks = Mapping[str, Check]
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(
    address: str, *, registry: CollectorRegistry, healthy: Checks, ready: Checks
) -> AsyncIterator[int]:
    """Serve on `host:port` while the context lasts; yields the port, also where 0 was asked for."""
    app = web.Application()
    app.router.add_get("/healthz", _page(healthy))
    app.router.add_get("/readyz", _page({**healthy, **ready}))
    app.router.add_get("/metrics", _metrics(registry))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    host, port = _parts(address)
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    except OSError as error:
        raise NodeError(f"cannot listen on {address!r}: {error}; choose another --listen") from None
    finally:
        await runner.cleanup()


def _parts(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise NodeError(f"cannot listen on {address!r}: write host:port, such as 0.0.0.0:9471")
    return host.strip("[]"), int(port)


def _page(checks: Checks) -> _Handler:
    async def page(_: web.Request) -> web.Response:
        reasons = {name: check() for name, check in checks.items()}
        failed = [f"{name}: {why}" for name, why in reasons.items() if why is not None]
        return web.Response(text="\n".join(failed or ["ok"]) + "\n", status=503 if failed else 200)

    return page


def _metrics(registry: CollectorRegistry) -> _Handler:
    async def page(request: web.Request) -> web.Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": kind})

    return page
