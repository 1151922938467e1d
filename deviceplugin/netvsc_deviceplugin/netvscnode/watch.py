"""Follows one NetvscNode: list, watch, and again from where the thread was lost.

Kubernetes API concepts, "Efficient detection of changes". Each request is ended by the apiserver
after some minutes; bookmarks come every minute meanwhile, so a connection that is silent for longer
is dead, whatever TCP thinks of it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from netvsc_deviceplugin.apiserver.client import Client, Json, Refused, Unreachable
from netvsc_deviceplugin.concurrency.backoff import Backoff
from netvsc_deviceplugin.concurrency.latest import Latest

NODES = "/apis/netvsc.io/v1alpha1/netvscnodes"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """In seconds. `server` is how long one request of a watch may live."""

    server: float = 270.0
    silence: float = 90.0  # bookmarks come every 60
    longest_pause: float = 10.0


class NodeWatch:
    """Keeps `node`, the object or None while there is none, and `trouble`, why it is not known.

    Without an apiserver `node` stays as it was. `listed` tells whether it ever answered.
    """

    def __init__(
        self,
        client: Client,
        name: str,
        *,
        times: Times | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.node: Latest[Mapping[str, Any] | None] = Latest(None)
        self.trouble: Latest[str | None] = Latest("it was not asked for yet")
        self.listed = False
        self._client = client
        self._name = name
        self._times = times or Times()
        self._version: str | None = None
        self._retry = Backoff(
            clock=clock, first_s=0.1, longest_s=self._times.longest_pause, settled_s=60.0
        )

    def uid(self) -> str | None:
        """Return the object's uid: one that is made anew has another."""
        node = self.node.get()
        return None if node is None else str(node["metadata"].get("uid", ""))

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await asyncio.sleep(self._retry.wait() * random.uniform(0.5, 1.0))  # noqa: S311
            self._retry.tried()
            try:
                await self._once()
            except Refused as error:
                self._refused(error)
            except Unreachable as error:
                self._tell(str(error))

    async def _once(self) -> None:
        if self._version is None:
            await self._list()
        async with aclosing(self._client.lines(self._watch(), silence_s=self._times.silence)) as it:
            async for line in it:
                if line:
                    self._take(line)
                    self._retry.reset()
                else:
                    self._tell(None if self.node.get() else self._absent())

    async def _list(self) -> None:
        found = await self._client.get(f"{NODES}?{self._only()}")
        self._version, node = _listed(found)
        self.listed = True
        self._set(node)

    def _take(self, line: bytes) -> None:
        kind, thing = _event(line)
        if kind == "ERROR":
            code = int(thing.get("code") or HTTPStatus.INTERNAL_SERVER_ERROR)
            raise Refused(f"the watch ended: {thing.get('message')}", status=code)
        self._version = str(thing["metadata"]["resourceVersion"])
        if kind != "BOOKMARK":
            self._set(None if kind == "DELETED" else thing)

    def _set(self, node: Json | None) -> None:
        self._tell(None if node else self._absent())
        self.node.set(node)

    def _refused(self, error: Refused) -> None:
        """List again: the version is too old, or what we hold on to is not what there is."""
        self._version = None
        if error.status == HTTPStatus.GONE:
            return
        if error.status == HTTPStatus.NOT_FOUND:
            self._tell("the apiserver knows no NetvscNode: its CRD is not installed")
        else:
            self._tell(str(error))

    def _absent(self) -> str:
        return f"there is no NetvscNode {self._name}: the controller makes it for selected nodes"

    def _tell(self, trouble: str | None) -> None:
        if trouble and trouble != self.trouble.get():
            log.warning("NetvscNode %s: %s", self._name, trouble)
        self.trouble.set(trouble)

    def _only(self) -> str:
        return urlencode({"fieldSelector": f"metadata.name={self._name}"})

    def _watch(self) -> str:
        lifetime = int(self._times.server * random.uniform(0.8, 1.2))  # noqa: S311 (not all at once)
        more = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version or "",
            "timeoutSeconds": str(lifetime),
        }
        return f"{NODES}?{self._only()}&{urlencode(more)}"


def status_target(name: str) -> str:
    """Return where the status of a NetvscNode is written."""
    return f"{NODES}/{quote(name, safe='')}/status?fieldManager=netvsc-deviceplugin"


def _listed(found: Json) -> tuple[str, Json | None]:
    try:
        node = next(iter(found.get("items") or ()), None)
        if node is not None:
            node["metadata"]["resourceVersion"]  # what every object has
        return str(found["metadata"]["resourceVersion"]), node
    except (KeyError, TypeError) as error:
        raise Unreachable(f"the list of NetvscNodes is malformed: {error!r}") from None


def _event(line: bytes) -> tuple[str, Json]:
    try:
        event = json.loads(line)
        kind, thing = str(event["type"]), event["object"]
        if kind == "ERROR":
            int(thing.get("code") or 0)
        else:
            thing["metadata"]["resourceVersion"]  # what every object has
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreachable(f"the watch says {line[:80]!r}: {error!r}") from None
    return kind, thing
