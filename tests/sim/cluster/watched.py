"""An apiserver for kopf: four kinds to list and to watch, and a history that can be forgotten.

What changes while nobody watches is told by nobody: a watch that comes back gets 410, and lists.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, cast

from aiohttp import web

from netvsc_deviceplugin.apiserver.access import Access
from netvsc_operator.controller.cache import Cache
from netvsc_operator.controller.pools.status_writer import PoolStatusWriter
from netvsc_operator.controller.watches import kopf_handlers, kopf_process
from netvsc_operator.controller.watches.event_sink import EventSink
from netvsc_operator.controller.watches.kopf_session import WatchLiveness
from netvsc_operator.controller.workqueue import WorkQueue
from netvsc_operator.kube import NETVSC_NODES, NETVSC_POOLS, NODES, PODS, Kind, Kube
from sim.cluster.apiserver import Object, served, status

PATIENCE_S = 10.0
_KINDS = {NODES: "Node", PODS: "Pod", NETVSC_NODES: "NetvscNode", NETVSC_POOLS: "NetvscPool"}
_NAMESPACES = Kind(plural="namespaces")  # without which kopf waits
_EXPIRED = {"type": "ERROR", "object": status(410, "too old resource version", "Expired")}


class Watched:
    """`objects` by path are what lists return, `page` of them at a time.

    `strange` is what the next requests for a path get in place of an answer; with `watch ` before
    the path, what the next watches say after they began.
    """

    def __init__(self, *, page: int = 500) -> None:
        self.objects: dict[str, list[Object]] = {kind.path(): [] for kind in _KINDS}
        self._page = page
        self._version = 10
        self._ends: dict[str, asyncio.Event] = {}
        self._expired: set[str] = set()
        self._asked: set[str] = set()
        self.strange: dict[str, list[str]] = {}
        self._watches = asyncio.Condition()

    def put(self, kind: Kind, name: str, *, namespace: str | None = None) -> None:
        meta = {"name": name, "uid": f"uid-{name}", "resourceVersion": str(self._version)}
        home = {"namespace": namespace} if namespace else {}
        self.objects[kind.path()].append({"metadata": meta | home, "spec": {}})

    def delete(self, kind: Kind, name: str, *, namespace: str | None = None) -> None:
        """Let an object go, which no watch tells of."""
        there = self.objects[kind.path()]
        metas = [one["metadata"] for one in there]
        which = [(meta.get("namespace"), meta["name"]) for meta in metas]
        del there[which.index((namespace, name))]

    def forget(self) -> None:
        """End all watches, with nothing left of what was before: the next of each gets 410."""
        self._version += 1
        self._expired = set(self._ends)
        self.end()

    async def watched(self) -> None:
        """Wait until every kind is watched."""
        async with asyncio.timeout(PATIENCE_S), self._watches:
            await self._watches.wait_for(lambda: self._ends.keys() == self.objects.keys())

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Access]:
        async with served(self.answer) as access:
            try:
                yield access
            finally:
                self.end()

    def end(self) -> None:
        """End all watches; the next ones go on."""
        for end in self._ends.values():
            end.set()
        self._ends.clear()

    async def asks(self, kind: Kind) -> None:
        """Wait until somebody asks for a kind."""
        self._asked.clear()
        async with asyncio.timeout(PATIENCE_S):
            while kind.path() not in self._asked:
                async with self._watches:
                    await self._watches.wait()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._asked.add(request.path)
        async with self._watches:
            self._watches.notify_all()
        if self.strange.get(request.path):
            text = self.strange[request.path].pop(0)
            return web.Response(text=text, content_type="text/html")
        if request.path not in self.objects:
            found = _discovery().get(request.path)
            missing = status(404, request.path, "NotFound")
            return web.json_response(found or missing, status=200 if found else 404)
        if request.query.get("watch"):
            return await self._watch(request)
        return web.json_response(self._list(request))

    def _list(self, request: web.BaseRequest) -> Object:
        there = self.objects[request.path]
        begin = int(request.query.get("continue", "0"))
        end = begin + self._page
        meta = {"resourceVersion": str(self._version)}
        if end < len(there):
            meta["continue"] = str(end)
        items = there[begin:end] or (None if "PartialObject" in request.headers["Accept"] else [])
        return {"kind": "List", "apiVersion": "v1", "metadata": meta, "items": items}

    async def _watch(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if request.path in self._expired:
            self._expired.discard(request.path)
            await response.write(json.dumps(_EXPIRED).encode() + b"\n")
            return response
        if self.strange.get(f"watch {request.path}"):
            await response.write(self.strange[f"watch {request.path}"].pop(0).encode())
            return response
        end = self._ends[request.path] = asyncio.Event()
        async with self._watches:
            self._watches.notify_all()
        await end.wait()
        return response


class Reader(EventSink):
    """The controller's notes of an apiserver, and the memory that they are in."""

    def __init__(self, cache: Cache, pools: PoolStatusWriter) -> None:
        super().__init__(cache, pools)
        self.cache = cache
        self.pools = pools
        self.liveness = WatchLiveness(kopf_handlers.PATHS)
        self._news = asyncio.Event()

    @property
    def known(self) -> dict[str, set[str]]:
        """Return the names that are remembered of each kind."""
        return {
            "nodes": set(self.cache.nodes),
            "netvscnodes": set(self.cache.summaries),
            "pods": set(self.cache.pods),
            "pools": {one.pool.name for one in self.pools.registry.pools},
        }

    async def knows(self, wanted: dict[str, set[str]]) -> None:
        """Wait until this is what is known; fail the test when it never is."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while self.known != wanted:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{self.known} did not become {wanted}") from None

    def on_node(self, thing: Object, *, gone: bool) -> None:
        super().on_node(thing, gone=gone)
        self._news.set()

    def on_pod(self, thing: Object, *, gone: bool) -> None:
        super().on_pod(thing, gone=gone)
        self._news.set()

    def on_netvscnode(self, thing: Object, *, gone: bool) -> None:
        super().on_netvscnode(thing, gone=gone)
        self._news.set()

    def on_netvscpool(self, thing: Object, *, gone: bool) -> None:
        super().on_netvscpool(thing, gone=gone)
        self._news.set()

    def listed(self, path: str, there: Collection[str]) -> None:
        super().listed(path, there)
        self._news.set()


@asynccontextmanager
async def reading(kube: Kube) -> AsyncIterator[Reader]:
    """Let kopf watch as the controller has it watch."""
    cache = Cache(WorkQueue(lambda: 0.0))
    notes = Reader(cache, PoolStatusWriter(cast("Any", None), cache))

    async def begin() -> None:
        """Nothing is waited for here."""

    handlers = kopf_handlers.registry(
        notes, connection=kube.connection, liveness=notes.liveness, begin=begin
    )
    watching = asyncio.create_task(kopf_process.watch(handlers, kopf_handlers.settings))
    try:
        yield notes
    finally:
        watching.cancel()
        await asyncio.wait([watching], timeout=PATIENCE_S)


def _discovery() -> dict[str, Object]:
    """Return what kopf asks first: which kinds there are."""
    groups = {kind.group: kind.api_version for kind in _KINDS if kind.group}
    found: dict[str, Object] = {
        "/api": {"versions": ["v1"]},
        "/apis": {"groups": [_group(*one) for one in groups.items()]},
    }
    for kind, word in {**_KINDS, _NAMESPACES: "Namespace"}.items():
        home = "/apis" if kind.group else "/api"
        listing = found.setdefault(
            f"{home}/{kind.api_version}", {"groupVersion": kind.api_version, "resources": []}
        )
        listing["resources"].append(_resource(kind, word))
    return found


def _group(name: str, version: str) -> Object:
    one = {"version": version.rpartition("/")[2], "groupVersion": version}
    return {"name": name, "versions": [one], "preferredVersion": one}


def _resource(kind: Kind, word: str) -> Object:
    return {
        "name": kind.plural,
        "singularName": word.lower(),
        "kind": word,
        "namespaced": word == "Pod",
        "verbs": ["get", "list", "watch", "patch"],
    }
