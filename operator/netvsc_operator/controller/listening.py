"""kopf's part: it watches, keeps each object's events in order, and hands them over.

Handlers only take notes, since an event is a hint to look. None of the kinds that make kopf write
annotations or finalizers is used; foreign objects never see a write of kopf's.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import Any, Protocol

import kopf

from netvsc.access import Access
from netvsc_operator.admission import injected
from netvsc_operator.controller.session import Pulse, session
from netvsc_operator.kube import NETVSC_NODES, NETVSC_POOLS, NODES, PODS

Object = dict[str, Any]
PATHS = tuple(kind.path() for kind in (NODES, PODS, NETVSC_NODES, NETVSC_POOLS))
INJECTED = injected.LABEL  # whatever its value: another version's pods are told of too


class Notes(Protocol):
    """Who takes the notes; `gone` says that the object was deleted."""

    def on_node(self, thing: Object, *, gone: bool) -> None: ...

    def on_pod(self, thing: Object, *, gone: bool) -> None: ...

    def on_netvscnode(self, thing: Object, *, gone: bool) -> None: ...

    def on_netvscpool(self, thing: Object, *, gone: bool) -> None: ...

    def listed(self, path: str, there: Collection[str]) -> None: ...


class _Backoffs:
    """Pauses between kopf's tries, without an end: an apiserver may be away for an hour."""

    def __iter__(self) -> Iterator[float]:
        yield from (0.2, 0.5, 1.0, 2.0)
        while True:
            yield 5.0


def registry(notes: Notes, *, access: Access, pulse: Pulse) -> kopf.OperatorRegistry:
    """Return kopf's handlers."""
    found = kopf.OperatorRegistry()
    _log_in(found, access, pulse, notes)
    ours = {
        ("", "v1", "nodes"): notes.on_node,
        ("", "v1", "pods"): notes.on_pod,
        (NETVSC_NODES.group, NETVSC_NODES.version, NETVSC_NODES.plural): notes.on_netvscnode,
        (NETVSC_POOLS.group, NETVSC_POOLS.version, NETVSC_POOLS.plural): notes.on_netvscpool,
    }
    for resource, take in ours.items():
        _hand_over(found, resource, take)
    return found


def _log_in(found: kopf.OperatorRegistry, access: Access, pulse: Pulse, notes: Notes) -> None:
    @kopf.on.login(registry=found)
    async def login(**_: Any) -> kopf.AiohttpSession:
        return kopf.AiohttpSession(
            server=access.server, aiohttp_session=session(access, pulse, listed=notes.listed)
        )


def _hand_over(found: kopf.OperatorRegistry, resource: tuple[str, str, str], take: Any) -> None:
    @kopf.on.event(*resource, registry=found, id=resource[2])
    async def note(event: Any, **_: Any) -> None:
        take(event["object"], gone=event["type"] == "DELETED")


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings; each differs from the default for a reason (decision 9)."""
    found = kopf.OperatorSettings()
    found.posting.enabled = False  # Events are told once, by us
    found.scanning.disabled = True  # would watch every CRD of the cluster
    found.watching.chunk_size = 100  # a page at a time is held while listing
    found.watching.server_timeout = 300
    found.queueing.idle_timeout = 0.05  # a worker holds its object until it ends
    found.networking.error_backoffs = _Backoffs()
    found.networking.request_timeout = 30
    found.watching.label_selectors["", "v1", "pods"] = INJECTED
    for noisy in ("kopf.objects", "kopf.activities"):
        logging.getLogger(noisy).setLevel(logging.WARNING)  # a line for each event
    return found
