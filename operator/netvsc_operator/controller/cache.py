"""What the controller remembers of the cluster: little, since 5,000 nodes have to fit in.

A NetvscNode is held only until it was looked at; then a few facts remain.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from netvsc.model.status import PoolStatus
from netvsc_operator.controller.workqueue import WorkQueue
from netvsc_operator.objects import Object

_HELD = 500  # NetvscNodes of three pairs are 20 KB each once they are read


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A Node: its labels select pools, its uid makes it an owner."""

    uid: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NodeSummary:
    """A NetvscNode as it was last observed; `spec` is a hash of its spec."""

    spec: int
    pools: tuple[PoolStatus, ...]
    pods: tuple[str, ...]
    interfaces: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod with a sidecar of ours; `reannounce` is what its annotation says."""

    uid: str
    reannounce: str | None


class Cache:
    """Nodes, NetvscNodes and pods by name, and whom to look at; pods are `namespace/name`."""

    def __init__(self, queue: WorkQueue) -> None:
        self.queue = queue
        self.nodes: dict[str, NodeFacts] = {}
        self.summaries: dict[str, NodeSummary] = {}
        self.pods: dict[str, PodFacts] = {}
        self._fresh: dict[str, Object] = {}
        self._stale: set[str] = set()
        self._holders: dict[str, set[str]] = {}

    def note_node(self, meta: Object) -> bool:
        """Take a Node's metadata; return whether it matters."""
        labels = {sys.intern(key): sys.intern(value) for key, value in _labels(meta)}
        found = NodeFacts(meta.get("uid", ""), labels)
        known = self.nodes.get(meta["name"])
        self.nodes[meta["name"]] = found
        return known != found

    def arrived(self, thing: Object) -> None:
        """Hold a NetvscNode for whoever looks next; of very many only the names are kept."""
        name = thing["metadata"]["name"]
        if name in self._fresh or len(self._fresh) < _HELD:
            self._fresh[name] = thing
        else:
            self.doubt(name)

    def take(self, name: str) -> Object | None:
        return self._fresh.pop(name, None)

    def again(self, name: str, seconds: float = 0.0) -> None:
        """Look at a NetvscNode then, and read it anew if no event came until then."""
        self._stale.add(name)
        self.queue.add_after(name, seconds)

    def doubt(self, name: str) -> None:
        """Have it read anew at the next look."""
        self._stale.add(name)

    def doubted(self, name: str) -> bool:
        """Return whether it was to be read anew, once."""
        there = name in self._stale
        self._stale.discard(name)
        return there

    def remember(self, name: str, summary: NodeSummary) -> None:
        self._release(name)
        self.summaries[name] = summary
        for pod in summary.pods:
            self._holders.setdefault(pod, set()).add(name)

    def forget(self, name: str) -> None:
        """Forget a NetvscNode that is gone."""
        self._release(name)
        self.summaries.pop(name, None)
        self._fresh.pop(name, None)

    def _release(self, name: str) -> None:
        for pod in self.summaries[name].pods if name in self.summaries else ():
            left = self._holders.get(pod, set()) - {name}
            self._holders[pod] = left
            if not left:
                del self._holders[pod]

    def holders(self, pod: str) -> Collection[str]:
        """Return the NetvscNodes that say that a pod holds a pair: one may be of a dead node."""
        return tuple(self._holders.get(pod, ()))

    def names(self) -> Iterator[str]:
        yield from self.nodes.keys() | self.summaries.keys()

    def reported(self) -> Iterable[tuple[PoolStatus, ...]]:
        return [one.pools for one in self.summaries.values()]


def _labels(meta: Object) -> Iterable[tuple[str, str]]:
    return (meta.get("labels") or {}).items()
