"""The controller's pages on an address of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry

from netvsc.encoding.hostport import split_host_port
from netvsc.errors import NodeError, RequestError
from netvsc_operator.health_server import Checks, application


@asynccontextmanager
async def serving(
    address: str, *, registry: CollectorRegistry, healthy: Checks, ready: Checks
) -> AsyncIterator[int]:
    """Serve on `host:port` while the context lasts; yields the port, also where 0 was asked for."""
    try:
        host, port = split_host_port(address, example="0.0.0.0:9471")
    except RequestError as error:
        raise NodeError(f"cannot listen on {error}") from None
    pages = application(registry, healthy=healthy, ready=ready)
    runner = web.AppRunner(pages, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    except OSError as error:
        raise NodeError(f"cannot listen on {address!r}: {error}; choose another --listen") from None
    finally:
        await runner.cleanup()
