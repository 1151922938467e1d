"""One look at one node: its NetvscNode is brought up to its pools, Events written, orders given.

Whatever woke it, a look does the same; killed anywhere, the next one goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from netvsc.encoding.serialize import from_plain
from netvsc.errors import ConfigError
from netvsc.model.status import Foreign, NodeStatus
from netvsc_operator.controller.cache import Cache, NodeSummary
from netvsc_operator.controller.events import reported
from netvsc_operator.controller.events.pods import pod_of
from netvsc_operator.controller.events.reported import ANNOTATION
from netvsc_operator.controller.events.reporter import Reporter
from netvsc_operator.controller.pools import node_spec
from netvsc_operator.controller.pools.status_writer import PoolStatusWriter
from netvsc_operator.controller.watches.nic_owners import NicOwners
from netvsc_operator.kube import NETVSC_NODES, AlreadyExists, Conflict, Kube, NotFound
from netvsc_operator.objects import Object

log = logging.getLogger(__name__)

MANAGER = "netvsc-controller"


class Reconciler:
    """Serves many nodes at once, each by one task."""

    def __init__(
        self,
        kube: Kube,
        *,
        cache: Cache,
        reporter: Reporter,
        nic_owners: NicOwners,
        pools: PoolStatusWriter,
    ) -> None:
        self._kube = kube
        self._cache = cache
        self._reporter = reporter
        self._nic_owners = nic_owners
        self._pools = pools

    async def reconcile(self, name: str) -> None:
        """Reconcile one node; raises what the apiserver refuses with."""
        there = self._cache.take(name) or await self._at_need(name)
        if there is None:
            if name not in self._cache.summaries:
                self._reporter.forget(name)
            return
        try:
            there = await self._repair(there)
            await self._report(there)
        except Conflict:  # the agent wrote meanwhile
            self._cache.again(name)
        except NotFound:
            self._forget(name)

    async def _at_need(self, name: str) -> Object | None:
        """Read a NetvscNode of which no event came, if something may be to be done."""
        if not self._cache.doubted(name):
            summary = self._cache.summaries.get(name)
            if summary is None:
                return await self._make(name)
            if self._suits(name, summary):
                return None
        try:
            return await self._kube.get(NETVSC_NODES, name)
        except NotFound:
            self._forget(name)
            return await self._make(name)

    def _suits(self, name: str, summary: NodeSummary) -> bool:
        """Tell whether the spec that was seen is as it is to be."""
        pools, foreign = self._spec(name, dict(summary.interfaces))
        return pools is None or summary.spec == node_spec.digest(pools, foreign or ())

    def _spec(
        self, name: str, interfaces: dict[str, str]
    ) -> tuple[list[Object] | None, Sequence[Foreign] | None]:
        """Return pools and foreign claims as they are to be; None is not to be touched."""
        node = self._cache.nodes.get(name)
        pools = node_spec.selected(node.labels, self._pools.registry.pools) if node else None
        return pools, self._nic_owners.of(name, interfaces)

    async def _make(self, name: str) -> Object | None:
        """Make the NetvscNode of a Node that a pool selects."""
        node = self._cache.nodes.get(name)
        pools, foreign = self._spec(name, {})
        if node is None or not pools:
            return None
        body = node_spec.made(name, uid=node.uid, pools=pools, foreign=foreign or ())
        try:
            return await self._kube.create(NETVSC_NODES, body)
        except AlreadyExists:
            return await self._kube.get(NETVSC_NODES, name)

    async def _repair(self, there: Object) -> Object:
        """Make the spec as it is to be; a NetvscNode whose Node is gone is left to go too."""
        status = _status(there)
        node = self._cache.nodes.get(_name(there))
        pools, foreign = self._spec(_name(there), interfaces(status))
        if node is not None and pools is not None:
            patch = node_spec.repaired(there, uid=node.uid, pools=pools, foreign=foreign)
            if patch:
                there = await self._patch(there, patch)
        self._remember(there, status)
        return there

    def _remember(self, there: Object, status: NodeStatus | None) -> None:
        name, pairs = _name(there), status.pairs if status else ()
        before = self._cache.summaries.get(name)
        now = NodeSummary(
            spec=node_spec.digest_of(there),
            pools=status.pools if status else (),
            pods=tuple(sorted({pod for one in pairs if (pod := pod_of(one))})),
            interfaces=tuple(interfaces(status).items()),
        )
        self._cache.remember(name, now)
        if before is None or before.pools != now.pools:
            self._pools.schedule()

    async def _report(self, there: Object) -> None:
        status = _status(there)
        if status is None:
            return
        name = _name(there)
        kept = (there["metadata"].get("annotations") or {}).get(ANNOTATION)
        before = reported.read(kept, node=name)
        outcome = await self._reporter.report(there, status, before)
        patch: Object = {}
        if outcome.reported != before:
            patch["metadata"] = {"annotations": {ANNOTATION: reported.write(outcome.reported)}}
        if outcome.orders:
            patch["spec"] = {"announce": dict(outcome.orders)}
        if patch:
            await self._patch(there, patch)
        outcome.done()
        if outcome.again_s is not None:
            self._cache.again(name, outcome.again_s)

    async def _patch(self, there: Object, patch: Object) -> Object:
        """Patch unless somebody wrote since it was read."""
        meta = {
            **patch.get("metadata", {}),
            "resourceVersion": there["metadata"]["resourceVersion"],
        }
        body = {**patch, "metadata": meta}
        return await self._kube.patch(NETVSC_NODES, _name(there), body, manager=MANAGER)

    def _forget(self, name: str) -> None:
        if name in self._cache.summaries:
            self._cache.forget(name)
            self._pools.schedule()
        self._reporter.forget(name)


def interfaces(status: NodeStatus | None) -> dict[str, str]:
    """Return the netdevs of a node's NICs by pair id, excluded ones too."""
    if status is None:
        return {}
    found = {one.id: one.netvsc for one in status.pairs}
    return found | {one.id: one.interface for one in status.excluded}


def _status(there: Object) -> NodeStatus | None:
    """Read the status; None while no agent has written one, or one that we do not understand."""
    if not there.get("status"):
        return None
    try:
        return from_plain(NodeStatus, there["status"], ("status",))
    except ConfigError as error:
        log.warning("NetvscNode %s: %s; its agent is of another version", _name(there), error)
        return None


def _name(there: Object) -> str:
    return str(there["metadata"]["name"])
