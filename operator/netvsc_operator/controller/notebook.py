"""Takes kopf's notes: remembers what matters, and asks for a look at the node that it concerns."""

from __future__ import annotations

from typing import Any

from netvsc_operator.admission.annotations import REANNOUNCE
from netvsc_operator.controller.fleet import Claimant, Fleet
from netvsc_operator.controller.pools import Pools

Object = dict[str, Any]
_ITS_OWN_S = 1.0  # how long a Node waits for the NetvscNode that probably comes with it


class Notebook:
    """What listening.Notes asks for."""

    def __init__(self, fleet: Fleet, pools: Pools) -> None:
        self._fleet = fleet
        self._queue = fleet.queue
        self._pools = pools

    def on_node(self, thing: Object, *, gone: bool) -> None:
        name = thing["metadata"]["name"]
        if gone:
            self._fleet.machines.pop(name, None)
        elif self._fleet.machine(thing["metadata"]):
            self._ask(name)

    def _ask(self, name: str) -> None:
        if name in self._fleet.seen:
            self._queue.add(name)
        else:  # while both kinds are being listed, one look can do for both
            self._queue.add_after(name, _ITS_OWN_S)

    def on_netvscnode(self, thing: Object, *, gone: bool) -> None:
        name = thing["metadata"]["name"]
        if gone:
            self._fleet.forget(name)
        else:
            self._fleet.arrived(thing)
        self._queue.add(name)

    def on_pod(self, thing: Object, *, gone: bool) -> None:
        meta = thing["metadata"]
        pod = f"{meta['namespace']}/{meta['name']}"
        if gone:
            self._fleet.pods.pop(pod, None)
            return
        now = Claimant(meta["uid"], (meta.get("annotations") or {}).get(REANNOUNCE))
        if self._fleet.pods.get(pod) == now:
            return
        self._fleet.pods[pod] = now
        if node := self._fleet.holder(pod):
            self._fleet.again(node)

    def on_netvscpool(self, thing: Object, *, gone: bool) -> None:
        if self._pools.take(thing, gone=gone):
            for name in self._fleet.names():
                self._queue.add(name)
