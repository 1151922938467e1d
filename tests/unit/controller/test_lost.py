"""What the controller remembers agrees with what is, whatever changed while nobody told it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Coroutine
from typing import Any

import pytest

from netvsc.model.status import AnnounceState, PairStatus
from netvsc_operator.admission.annotations import REANNOUNCE
from netvsc_operator.controller.cache import Cache, NodeSummary, PodFacts
from netvsc_operator.controller.watches.event_sink import EventSink
from netvsc_operator.controller.workqueue import WorkQueue
from netvsc_operator.kube import NETVSC_NODES, PODS
from sim.cluster.controlled import NODE, POD, World, world
from sim.cluster.nodes import held, offered, pair, returned, revoked, said, taken
from sim.cluster.objects import Killed, Object

ONE = held(pair(1))
LATE = offered(returned(revoked(ONE)))  # back, and its application does not take it
SIDECAR = {"initContainers": [{"name": "netvsc-fdpipe"}]}


def story(told: Coroutine[Any, Any, None]) -> None:
    asyncio.run(told)


def notebook(here: World) -> EventSink:
    return EventSink(here.cache, here.pools)


def annotated(value: str) -> Object:
    annotations = {REANNOUNCE: value}
    meta = {"name": POD, "namespace": "default", "uid": "pod-uid", "annotations": annotations}
    return {"metadata": meta}


def test_a_manual_order_that_comes_while_its_node_is_looked_at_is_for_the_next_look() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)
        here.kube.after["patch pods status"] = lambda: notebook(here).on_pod(
            annotated("now"), gone=False
        )
        await here.report(revoked(ONE))
        assert here.kube.after == {}
        assert here.orders == {ONE.id: 1}

    story(told())


def test_a_manual_order_reaches_its_pod_though_a_dead_node_says_that_it_has_it_too() -> None:
    """The agent of the node that it moved away from died with it, and will never say otherwise."""

    async def told() -> None:
        here = await world()
        queue = WorkQueue(here.now)
        cache = Cache(queue)
        for name in ("alive", "dead"):
            cache.remember(name, NodeSummary(spec=0, pools=(), pods=(f"default/{POD}",)))
        EventSink(cache, here.pools).on_pod(annotated("now"), gone=False)
        async with asyncio.timeout(5):
            asked = {(await queue.take())[0] for _ in range(2)}
        assert asked == {"alive", "dead"}
        cache.forget("dead")
        assert cache.holders(f"default/{POD}") == ("alive",)

    story(told())


def test_a_netvscnode_that_is_deleted_while_it_is_read_is_made_anew() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)

        def deleted() -> None:
            gone = here.kube.objects.pop(("netvscnodes", None, NODE))
            notebook(here).on_netvscnode(gone, gone=True)

        here.kube.after["get netvscnodes"] = deleted
        here.cache.doubt(NODE)
        await here.controller.reconcile(NODE)  # it has the answer, and so believes that it is there
        assert not here.kube.of(NETVSC_NODES)
        await here.controller.reconcile(NODE)  # which the deletion asked for
        await here.controller.reconcile(NODE)
        assert here.kube.of(NETVSC_NODES)

    story(told())


def sums(here: World) -> tuple[int, int]:
    """Return what the pool's status says: nodes, pairs."""
    status = here.kube.objects["netvscpools", None, "pair"]["status"]
    return status["nodes"], status["pairs"]


async def level(here: World) -> None:
    """Let the status of pools be written where it is due, and the watch tell of that."""
    while here.pools._due.is_set():
        here.pools._due.clear()
        before = len(here.kube.writes)
        await here.pools._write_all()
        if len(here.kube.writes) > before:
            there = copy.deepcopy(here.kube.objects["netvscpools", None, "pair"])
            notebook(here).on_netvscpool(there, gone=False)


def test_a_node_that_went_is_taken_off_its_pools_status() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)
        await level(here)
        assert sums(here) == (1, 1)
        node = here.kube.objects.pop(("nodes", None, NODE))
        thing = here.kube.objects.pop(("netvscnodes", None, NODE))
        notebook(here).on_node(node, gone=True)
        await level(here)
        assert sums(here) == (0, 1)
        notebook(here).on_netvscnode(thing, gone=True)
        await here.controller.reconcile(NODE)
        await level(here)
        assert sums(here) == (0, 0)

    story(told())


def test_a_node_that_lost_the_label_is_taken_off_its_pools_status() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)
        there = here.kube.objects["netvscpools", None, "pair"]
        there["spec"] = {"nodeSelector": {"zone": "a"}}
        notebook(here).on_netvscpool(there, gone=False)
        await here.settle()
        await level(here)
        assert sums(here)[0] == 1
        meta = {"name": NODE, "uid": "node-uid", "labels": {"zone": "b"}}
        notebook(here).on_node({"metadata": meta}, gone=False)
        await here.controller.reconcile(NODE)
        assert here.node["spec"]["pools"] == []
        await level(here)
        assert sums(here)[0] == 0

    story(told())


async def escalated(here: World) -> PairStatus:
    """Let three orders be in vain, and a person be called."""
    await here.report(ONE)
    await here.report(LATE)
    for seconds in (2.1, 5.1, 15.1, 45.1):
        await here.pass_(seconds)
    assert here.orders == {ONE.id: 3}
    assert here.events("Node").count("ApplicationNotListening") == 1
    return LATE


def test_an_outage_that_nobody_saw_begin_gets_orders_of_its_own() -> None:
    """The controller is away, or two writes of the agent's became one event."""

    async def told() -> None:
        here = await world()
        again = returned(revoked(await escalated(here)))
        await here.start()
        await here.report(said(again, AnnounceState.AWAY))
        await here.pass_(2.1)
        assert here.orders == {ONE.id: 4}

    story(told())


def test_the_next_pod_of_that_name_gets_orders_of_its_own() -> None:
    """As the Warning says the pod is deleted; its StatefulSet makes it anew, with the same pair.

    Nobody sees the pair without a holder: for three seconds the last one counts as there.
    """

    async def told() -> None:
        here = await world()
        starting = said(await escalated(here), AnnounceState.UNOPENED)
        meta = {"name": POD, "namespace": "default", "uid": "pod-2"}
        here.kube.put(PODS, {"metadata": meta, "spec": SIDECAR})
        here.cache.pods[f"default/{POD}"] = PodFacts("pod-2", None)
        await here.report(starting)
        await here.report(offered(starting))
        await here.pass_(2.1)
        assert here.orders == {ONE.id: 4}

    story(told())


def expire(here: World) -> None:
    """Let an Event's hour be over."""
    for key in [key for key in here.kube.objects if key[0] == "events"]:
        del here.kube.objects[key]


def test_orders_that_were_withdrawn_are_told_of_when_their_numbers_begin_anew() -> None:
    async def told() -> None:
        here = await world()
        back = taken(returned(revoked(await escalated(here))))
        del here.node["spec"]["announce"]
        expire(here)
        await here.report(back)
        await here.report(offered(returned(revoked(back))))
        await here.pass_(2.1)
        assert here.orders == {ONE.id: 1}
        assert here.events("Node").count("AnnouncementRepeated") == 1

    story(told())


def test_an_event_that_expires_between_two_requests_is_told_anew_and_its_node_stays() -> None:
    """Who told it was killed after that; by the next look its hour is just over."""

    def killed() -> None:
        raise Killed

    async def told() -> None:
        here = await world()
        await here.report(ONE)
        here.kube.after["create events VFRevoked"] = killed
        with pytest.raises(Killed):
            await here.report(revoked(ONE))
        await here.start()
        here.kube.after["refuse events VFRevoked"] = lambda: expire(here)
        here.cache.doubt(NODE)
        await here.controller.reconcile(NODE)
        assert here.kube.after == {}
        assert NODE in here.cache.summaries
        assert here.events("Node") == here.events("Pod") == ["VFRevoked"]

    story(told())
