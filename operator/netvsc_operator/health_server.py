"""/healthz, /readyz and /metrics, served by the loop that does the work, and hanging if it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

# A check returns None when all is well, else the reason why not.
Check = Callable[[], str | None]
Checks = Mapping[str, Check]
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(registry: CollectorRegistry, *, healthy: Checks, ready: Checks) -> web.Application:
    """Return the pages; who is not healthy is not ready either."""
    made = web.Application()
    made.router.add_get("/healthz", _page(healthy))
    made.router.add_get("/readyz", _page({**healthy, **ready}))
    made.router.add_get("/metrics", _metrics(registry))
    return made


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
