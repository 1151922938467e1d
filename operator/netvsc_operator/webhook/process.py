"""The webhook from its start to its end: what runs, in which order, and how it leaves."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry

from netvsc.errors import NodeError
from netvsc.host.inotify import watching
from netvsc.model.pool import Pool
from netvsc_operator import admission
from netvsc_operator.admission.sidecar_image import SidecarImage
from netvsc_operator.health_server import application
from netvsc_operator.kube import NETVSC_POOLS, Kube, Watch, config_loader
from netvsc_operator.webhook.metrics import WebhookMetrics
from netvsc_operator.webhook.pool_cache import PoolCache
from netvsc_operator.webhook.reviews import Decide, Reviews
from netvsc_operator.webhook.serving_certificate import ServingCertificate

log = logging.getLogger(__name__)

# Longer than Go's http.Transport keeps an idle connection (90 s): the apiserver closes first, and
# no review meets a connection that is being closed here.
_KEEPALIVE_S = 120.0
_FINISH_S = 10.0  # for requests in flight: twice what the apiserver waits for an answer
_BACKLOG = 1024

Address = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """`pools` are given where no apiserver is to be asked; `leave_s` is how long an end takes."""

    listen: Address
    metrics: Address
    tls: Path
    sidecar_image: SidecarImage
    kubeconfig: Path | None = None
    pools: tuple[Pool, ...] | None = None
    leave_s: float = 5.0


async def serve(
    settings: WebhookSettings, registry: CollectorRegistry, stop: asyncio.Event
) -> None:
    """Serve until `stop`, then finish what was begun. Raises NetvscError for what cannot be."""
    metrics, pools = WebhookMetrics(registry), PoolCache()
    certificate = ServingCertificate(settings.tls, metrics=metrics)
    reviews = Reviews(
        decide=_decisions(settings.sidecar_image), pools=lambda: pools.by_resource, metrics=metrics
    )
    ready = {
        "certificate": certificate.trouble,
        "pools": pools.trouble,
        "end": lambda: "this process is leaving" if reviews.leaving else None,
    }
    async with AsyncExitStack() as stack:
        stack.enter_context(watching(settings.tls, changed=certificate.load))
        certificate.load()
        # No check of health: the apiserver's absence is no reason to be restarted, since a new
        # process would know no pools.
        pages = application(registry, healthy={}, ready=ready)
        state = web.AppRunner(pages, access_log=None)
        await stack.enter_async_context(_listening("status", state, settings.metrics))
        answers = _listening(
            "admission",
            web.ServerRunner(reviews.server(keepalive_s=_KEEPALIVE_S)),
            settings.listen,
            tls=certificate.context,
            finished=reviews.finished,
        )
        await stack.enter_async_context(answers)
        async with asyncio.TaskGroup() as tasks:
            follower = tasks.create_task(_follow(settings, pools))
            await stop.wait()
            await _leave(reviews, settings.leave_s)
            follower.cancel()


async def _leave(reviews: Reviews, leave_s: float) -> None:
    """Go on answering until the Service sends nobody here any more; no event says when."""
    reviews.leave()
    log.info("leaving in %.0f s; until then reviews are answered", leave_s)
    await asyncio.sleep(leave_s)


def _decisions(sidecar_image: SidecarImage) -> dict[str, Decide]:
    return {
        "/mutate": lambda review, pools: admission.answer(
            review, pools=pools, sidecar_image=sidecar_image
        ),
        "/validate": lambda review, pools: admission.validate(review, pools=pools),
    }


async def _follow(settings: WebhookSettings, pools: PoolCache) -> None:
    if settings.pools is not None:
        pools.set(settings.pools)
        return
    async with (
        Kube(config_loader(settings.kubeconfig)) as kube,
        aclosing(Watch(kube, NETVSC_POOLS).events()) as events,
    ):
        async for event in events:
            pools.take(event)


async def _nothing() -> None:
    """Wait for nothing."""


@asynccontextmanager
async def _listening(
    what: str,
    runner: web.BaseRunner,
    address: Address,
    *,
    tls: ssl.SSLContext | None = None,
    finished: Callable[[], Awaitable[None]] = _nothing,
) -> AsyncIterator[None]:
    """Serve while the context lasts; then take no more connections, and wait for `finished`."""
    await runner.setup()
    try:
        site = await _bound(runner, what, address, tls)
        yield
        await site.stop()
        # The library would drop the rest of a request that it has begun to read.
        with suppress(TimeoutError):
            await asyncio.wait_for(finished(), timeout=_FINISH_S)
    finally:
        await runner.cleanup()


async def _bound(
    runner: web.BaseRunner, what: str, address: Address, tls: ssl.SSLContext | None
) -> web.TCPSite:
    host, port = address
    site = web.TCPSite(runner, host, port, ssl_context=tls, backlog=_BACKLOG)
    try:
        await site.start()
    except OSError as error:
        raise NodeError(f"cannot listen on {host}:{port} for {what}: {error}") from None
    for bound in runner.addresses:
        log.info("%s on %s:%d", what, *bound[:2])
    return site
