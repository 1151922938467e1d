"""Takes kopf's notes: remembers what matters, and asks for a look at the node that it concerns."""

from __future__ import annotations

from collections.abc import Callable, Collection

from netvsc_operator.admission.annotations import REANNOUNCE
from netvsc_operator.controller.cache import Cache, PodFacts
from netvsc_operator.controller.pools.status_writer import PoolStatusWriter
from netvsc_operator.kube import NETVSC_NODES, NETVSC_POOLS, NODES, PODS
from netvsc_operator.objects import Object

_ITS_OWN_S = 1.0  # how long a Node waits for the NetvscNode that probably comes with it


class EventSink:
    """`gone` says that an object was deleted."""

    def __init__(self, cache: Cache, pools: PoolStatusWriter) -> None:
        self._cache = cache
        self._queue = cache.queue
        self._pools = pools

    def on_node(self, thing: Object, *, gone: bool) -> None:
        name = thing["metadata"]["name"]
        if gone:
            self._cache.nodes.pop(name, None)
            self._pools.schedule()
        elif self._cache.note_node(thing["metadata"]):
            self._pools.schedule()
            self._ask(name)

    def _ask(self, name: str) -> None:
        if name in self._cache.summaries:
            self._queue.add(name)
        else:  # while both kinds are being listed, one look can do for both
            self._queue.add_after(name, _ITS_OWN_S)

    def on_netvscnode(self, thing: Object, *, gone: bool) -> None:
        name = thing["metadata"]["name"]
        if gone:
            self._cache.forget(name)
            self._cache.doubt(name)  # whoever reads it just now believes that it is there
            self._pools.schedule()
        else:
            self._cache.arrived(thing)
        self._queue.add(name)

    def on_pod(self, thing: Object, *, gone: bool) -> None:
        meta = thing["metadata"]
        pod = f"{meta['namespace']}/{meta['name']}"
        if gone:
            self._cache.pods.pop(pod, None)
            return
        now = PodFacts(meta["uid"], (meta.get("annotations") or {}).get(REANNOUNCE))
        if self._cache.pods.get(pod) == now:
            return
        self._cache.pods[pod] = now
        for node in self._cache.holders(pod):
            self._cache.again(node)

    def listed(self, path: str, there: Collection[str]) -> None:
        """Take out what a listing lacks: it was deleted while nobody watched."""
        kinds: dict[str, tuple[Collection[str], Callable[..., None]]] = {
            NODES.path(): (self._cache.nodes, self.on_node),
            PODS.path(): (self._cache.pods, self.on_pod),
            NETVSC_NODES.path(): (self._cache.summaries, self.on_netvscnode),
            NETVSC_POOLS.path(): (self._pools.names(), self.on_netvscpool),
        }
        known, take = kinds[path]
        for key in set(known) - set(there):
            namespace, _, name = key.rpartition("/")
            take({"metadata": {"name": name, "namespace": namespace}}, gone=True)

    def on_netvscpool(self, thing: Object, *, gone: bool) -> None:
        if self._pools.take(thing, gone=gone):
            for name in self._cache.names():
                self._queue.add(name)
