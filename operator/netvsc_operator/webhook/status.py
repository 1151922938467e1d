"""/metrics, /healthz and /readyz, on a plain port of their own, in the loop that answers reviews.

So a loop that hangs answers no probe. The apiserver's absence is no reason to be restarted: a new
process would know no pools.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

# A check returns None when all is well, else the reason why not.
Check = Callable[[], str | None]


def application(registry: CollectorRegistry, *, ready: Mapping[str, Check]) -> web.Application:
    async def metrics(request: web.Request) -> web.Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": kind})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reasons = {name: check() for name, check in ready.items()}
        failed = [f"{name}: {why}" for name, why in reasons.items() if why is not None]
        text = "\n".join(failed or ["ok"]) + "\n"
        return web.Response(text=text, status=503 if failed else 200)

    made = web.Application()
    for path, handler in (("/metrics", metrics), ("/healthz", healthz), ("/readyz", readyz)):
        made.router.add_get(path, handler)
    return made
