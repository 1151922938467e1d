"""What was deleted while its watch was lost is forgotten: kopf lists anew, and tells only what is.

A restarted apiserver, or one that was away for longer than its history, answers the next watch with
410. kopf then hands over what a listing has; the controller sees for itself what it lacks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from netvsc_operator.controller.cache import NodeSummary
from netvsc_operator.kube import NETVSC_NODES, NETVSC_POOLS, NODES, PODS
from sim.cluster.kubeconfig import connected
from sim.cluster.watched import Reader, Watched, reading

NAMES = {"n1", "n2", "n3"}
ALL = {"nodes": NAMES, "netvscnodes": NAMES, "pods": {"a/fwd", "b/fwd"}, "pools": {"fast", "pair"}}


def stocked(page: int) -> Watched:
    server = Watched(page=page)
    for name in NAMES:
        server.put(NODES, name)
        server.put(NETVSC_NODES, name)
    for namespace in ("a", "b"):
        server.put(PODS, "fwd", namespace=namespace)
    for name in ("fast", "pair"):
        server.put(NETVSC_POOLS, name)
    return server


def watching(server: Watched, story: Callable[[Reader], Awaitable[None]]) -> None:
    """Play a story for one who knows all that there is."""

    async def play() -> None:
        async with (
            server.serving() as access,
            connected(access) as kube,
            reading(kube) as notes,
        ):
            for name in NAMES:
                notes.cache.remember(name, NodeSummary(spec=0, pools=(), pods=()))
            await server.watched()
            await notes.knows(ALL)
            await story(notes)

    asyncio.run(play())


@pytest.mark.parametrize("page", [500, 1], ids=["in one page", "in a page for each"])
def test_what_the_new_listing_lacks_is_gone_and_what_it_has_is_not(page: int) -> None:
    server = stocked(page)

    async def story(notes: Reader) -> None:
        server.delete(NODES, "n1")
        server.delete(NETVSC_NODES, "n2")
        server.delete(PODS, "fwd", namespace="a")
        server.delete(NETVSC_POOLS, "fast")
        server.forget()
        await notes.knows(
            {
                "nodes": {"n2", "n3"},
                "netvscnodes": {"n1", "n3"},
                "pods": {"b/fwd"},
                "pools": {"pair"},
            }
        )
        assert notes.cache.doubted("n2")  # whoever looks at it will see, and make it anew

    watching(server, story)


def test_the_last_of_a_kind_is_missed_too() -> None:
    """Of Nodes and Pods metadata alone is asked for, and no items are null there."""
    server = stocked(500)

    async def story(notes: Reader) -> None:
        for there in server.objects.values():
            there.clear()
        server.forget()
        await notes.knows({kind: set() for kind in ALL})

    watching(server, story)
