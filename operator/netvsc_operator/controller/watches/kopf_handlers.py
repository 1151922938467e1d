"""kopf's part: it watches, keeps each object's events in order, and hands them over.

Handlers only take notes, since an event is a hint to look. None of the kinds that make kopf write
annotations or finalizers is used; foreign objects never see a write of kopf's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import kopf

from netvsc_operator.admission.annotations import LABEL
from netvsc_operator.controller.watches.event_sink import EventSink
from netvsc_operator.controller.watches.kopf_session import SERVER_S, WatchLiveness, session
from netvsc_operator.kube import NETVSC_NODES, NETVSC_POOLS, NODES, PODS
from netvsc_operator.kube.connection import ApiConnection

PATHS = tuple(kind.path() for kind in (NODES, PODS, NETVSC_NODES, NETVSC_POOLS))
_REFUSED_S = 1.0
INJECTED = LABEL  # whatever its value: another version's pods count too


class _Nothing(kopf.DiffBaseStorage):
    """Keeps no last state: nobody compares, and a deep copy of each object is what that costs."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence({})

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


class _Backoffs:
    """Pauses between kopf's tries, without an end: an apiserver may be away for an hour."""

    def __iter__(self) -> Iterator[float]:
        yield from (0.2, 0.5, 1.0, 2.0)
        while True:
            yield 5.0


def registry(
    sink: EventSink,
    *,
    connection: ApiConnection,
    liveness: WatchLiveness,
    begin: Callable[[], Awaitable[None]],
) -> kopf.OperatorRegistry:
    """Return kopf's handlers; nothing is watched before `begin` returns."""
    found = kopf.OperatorRegistry()
    _start_up(found, begin, liveness)
    _log_in(found, connection, liveness, sink)
    ours = {
        ("", "v1", "nodes"): sink.on_node,
        ("", "v1", "pods"): sink.on_pod,
        (NETVSC_NODES.group, NETVSC_NODES.version, NETVSC_NODES.plural): sink.on_netvscnode,
        (NETVSC_POOLS.group, NETVSC_POOLS.version, NETVSC_POOLS.plural): sink.on_netvscpool,
    }
    for resource, take in ours.items():
        _hand_over(found, resource, take)
    return found


def _start_up(
    found: kopf.OperatorRegistry, begin: Callable[[], Awaitable[None]], liveness: WatchLiveness
) -> None:
    @kopf.on.startup(registry=found)
    async def start(**_: Any) -> None:
        liveness.begin()
        await begin()


def _log_in(
    found: kopf.OperatorRegistry,
    connection: ApiConnection,
    liveness: WatchLiveness,
    sink: EventSink,
) -> None:
    known = False

    @kopf.on.login(registry=found)
    async def login(**_: Any) -> kopf.AiohttpSession:
        nonlocal known
        if known:  # refused in spite of a fresh token (401): not again at once
            await asyncio.sleep(_REFUSED_S)
        known = True
        return kopf.AiohttpSession(
            server=connection.server,
            aiohttp_session=session(connection, liveness, listed=sink.listed),
        )


def _hand_over(found: kopf.OperatorRegistry, resource: tuple[str, str, str], take: Any) -> None:
    @kopf.on.event(*resource, registry=found, id=resource[2])
    async def note(event: Any, **_: Any) -> None:
        take(event["object"], gone=event["type"] == "DELETED")


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings; each differs from the default for a reason (decision 9)."""
    found = kopf.OperatorSettings()
    found.posting.enabled = False  # Events are written once, by us
    found.scanning.disabled = True  # would watch every CRD of the cluster
    found.watching.chunk_size = 100  # a page at a time is held while listing
    found.watching.server_timeout = SERVER_S
    found.queueing.idle_timeout = 0.05  # a worker holds its object until it ends
    found.networking.error_backoffs = _Backoffs()
    found.networking.request_timeout = 30
    found.watching.label_selectors["", "v1", "pods"] = INJECTED
    found.persistence.diffbase_storage = _Nothing()
    found.process.ultimate_exiting_timeout = None  # would kill the process in which it began anew
    for noisy in ("kopf.objects", "kopf.activities"):
        logging.getLogger(noisy).setLevel(logging.WARNING)  # a line for each event
    return found
