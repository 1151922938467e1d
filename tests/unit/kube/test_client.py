"""The operator's client of the apiserver: pages, errors by kind, and watches that do not end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from netvsc_deviceplugin.apiserver.access import Access
from netvsc_operator.kube import (
    NETVSC_POOLS,
    NODES,
    PODS,
    AlreadyExists,
    ApiError,
    Applied,
    Conflict,
    Event,
    Forbidden,
    Gone,
    Invalid,
    Kube,
    Listed,
    NotFound,
    Patch,
    Removed,
    Unavailable,
    Watch,
)
from netvsc_operator.objects import Scope
from sim.cluster.apiserver import Apiserver, status, thing
from sim.cluster.kubeconfig import connected

Test = Callable[[Kube, Apiserver], Awaitable[None]]


def against(test: Test, server: Apiserver | None = None) -> None:
    async def run() -> None:
        simulated = server or Apiserver()
        async with simulated.serving() as access, connected(access) as kube:
            await asyncio.wait_for(test(kube, simulated), timeout=20)

    asyncio.run(run())


def test_a_path_names_group_namespace_object_and_subresource() -> None:
    assert NODES.path() == "/api/v1/nodes"
    assert PODS.path(namespace="nf", name="a/b", part="status") == (
        "/api/v1/namespaces/nf/pods/a%2Fb/status"
    )
    assert NETVSC_POOLS.path(name="pair") == "/apis/netvsc.io/v1alpha1/netvscpools/pair"
    assert NETVSC_POOLS.api_version == "netvsc.io/v1alpha1"
    assert str(NETVSC_POOLS) == "netvscpools.netvsc.io"


def test_a_list_is_read_in_pages_and_keeps_the_selectors() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.objects, server.page, server.version = [thing(f"n{i}", i) for i in range(5)], 2, 77
        found = await kube.list(NODES, Scope(labels="a=b", fields="c=d", metadata_only=True))
        assert [one["metadata"]["name"] for one in found.items] == ["n0", "n1", "n2", "n3", "n4"]
        assert found.version == "77"
        assert len(server.asked) == 3
        assert all(q["labelSelector"] == "a=b" for q in server.queries())
        assert "PartialObjectMetadataList" in server.asked[0].headers["Accept"]
        assert server.asked[0].headers["Authorization"] == "Bearer simulated"

    against(test)


def test_a_list_whose_continuation_is_too_old_begins_again() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.refuse = [(410, status(410, "the continue token is too old", "Expired"))]
        server.objects = [thing("n0", 1)]
        assert len((await kube.list(NODES)).items) == 1

    against(test)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (401, "Unauthorized", Forbidden),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Gone),
        (422, "Invalid", Invalid),
        (400, "BadRequest", ApiError),
        (429, "TooManyRequests", Unavailable),
        (503, "ServiceUnavailable", Unavailable),
    ],
)
def test_a_refusal_has_its_kind_and_the_apiservers_words(
    code: int, reason: str, kind: type[Exception]
) -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.refuse = [(code, status(code, "because of this", reason))]
        with pytest.raises(kind, match=r"GET /api/v1/nodes/n1: because of this") as caught:
            await kube.get(NODES, "n1")
        assert type(caught.value) is kind

    against(test)


def test_a_refusal_that_is_no_status_is_told_as_it_is() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.refuse = [(502, "<html>bad gateway"), (400, "")]
        with pytest.raises(Unavailable, match="bad gateway"):
            await kube.get(NODES, "n1")
        with pytest.raises(ApiError, match="no message"):
            await kube.get(NODES, "n1")

    against(test)


def test_nobody_at_the_address_is_unavailable() -> None:
    async def run() -> None:
        async with connected(Access(server="http://127.0.0.1:1")) as kube:
            with pytest.raises(Unavailable, match="does not answer"):
                await kube.get(NODES, "n1")

    asyncio.run(run())


def test_a_proxys_page_in_place_of_an_answer_is_unavailable_and_told_as_it_is() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.refuse = [(200, "<html>log in first"), (200, "[]")]
        with pytest.raises(Unavailable, match=r"GET /api/v1/nodes/n1: .*'<html>log in.*proxy"):
            await kube.get(NODES, "n1")
        with pytest.raises(Unavailable, match="not an object of the API"):
            await kube.get(NODES, "n1")
        assert await kube.get(NODES, "n1")

    against(test)


def test_a_patch_says_how_it_is_written_and_by_whom() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        await kube.patch(NODES, "n1", {"a": 1}, how=Patch.APPLY, force=True, part="status")
        await kube.patch(PODS, "p1", [{"op": "test"}], how=Patch.JSON, namespace="nf")
        first, second = server.asked
        assert first.path == "/api/v1/nodes/n1/status"
        assert dict(first.query) == {"fieldManager": "netvsc-operator", "force": "true"}
        assert first.headers["Content-Type"] == "application/apply-patch+yaml"
        assert json.loads(server.bodies[0]) == {"a": 1}
        assert second.headers["Content-Type"] == "application/json-patch+json"

    against(test)


def test_a_delete_may_ask_for_one_very_object() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        await kube.delete(PODS, "p1", namespace="nf", uid="u-1")
        assert json.loads(server.bodies[0]) == {"preconditions": {"uid": "u-1"}}
        assert server.asked[0].method == "DELETE"

    against(test)


def test_connections_are_reused() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        for _ in range(20):
            await kube.get(NODES, "n1")
        assert len({request.transport for request in server.asked if request.transport}) == 1

    against(test)


def test_a_watch_lists_first_and_then_tells_each_change() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.objects = [thing("a", 3)]
        server.say("ADDED", thing("b", 4))
        server.say("BOOKMARK", thing("", 9))
        server.say("DELETED", thing("a", 10))
        watch = Watch(kube, NETVSC_POOLS)
        found = await take(watch, 3)
        assert found == [Listed((thing("a", 3),)), Applied(thing("b", 4)), Removed(thing("a", 10))]

    against(test)


def test_a_watch_that_the_server_ends_goes_on_where_it_ended() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.say("BOOKMARK", thing("", 42))
        server.hang_up()
        server.say("ADDED", thing("b", 43))
        found = await take(Watch(kube, NETVSC_POOLS), 2)
        assert found[1] == Applied(thing("b", 43))
        versions = [q["resourceVersion"] for q in server.queries() if "watch" in q]
        assert versions == ["1", "42"]

    against(test)


def test_a_version_that_is_too_old_leads_to_a_new_list() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.say("ERROR", status(410, "too old resource version", "Expired"))
        server.hang_up()
        found = await take(Watch(kube, NETVSC_POOLS), 2)
        assert found == [Listed(()), Listed(())]

    against(test)


def test_an_apiserver_that_is_away_is_asked_again_and_nothing_is_lost() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.refuse = [(503, "starting"), (403, status(403, "not yet", "Forbidden"))]
        server.objects = [thing("a", 3)]
        watch = Watch(kube, NETVSC_POOLS)
        assert await take(watch, 1) == [Listed((thing("a", 3),))]

    against(test)


def test_a_watch_outlives_a_proxys_pages_and_half_a_line() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.refuse = [(200, "<html>log in first")]  # in place of the list
        server.objects = [thing("a", 3)]
        watch = Watch(kube, NETVSC_POOLS)
        async with aclosing(watch.events()) as events:
            assert await anext(events) == Listed((thing("a", 3),))
            server.refuse = [(200, "<html>log in first"), (200, '{"type": "ADDED"}')]
            server.say("ADDED", thing("b", 4))
            assert await anext(events) == Applied(thing("b", 4))
            server.write('{"type": "ADDED", "obj')
            server.hang_up()
            server.say("ADDED", thing("c", 5))
            assert await anext(events) == Applied(thing("c", 5))
        versions = [q["resourceVersion"] for q in server.queries() if "watch" in q]
        assert versions == ["1", "1", "1", "4"]

    against(test)


def test_a_watch_that_hangs_is_noticed_and_taken_up_again() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        watch = Watch(kube, NETVSC_POOLS, server_s=0, grace_s=0.2)
        async with aclosing(watch.events()) as events:
            assert await anext(events) == Listed(())
            following = asyncio.ensure_future(anext(events))
            while len(server.asked) < 3:  # a list, the watch that hangs, and the next one
                server.watching.clear()
                await server.watching.wait()
            server.say("ADDED", thing("x", 5))  # taken by the one that hangs
            server.say("ADDED", thing("b", 6))
            assert await following == Applied(thing("b", 6))

    against(test)


def test_an_object_longer_than_a_readers_buffer_arrives_whole() -> None:
    async def test(kube: Kube, server: Apiserver) -> None:
        server.say("ADDED", thing("long", 4, text="x" * 2_000_000))
        found = await take(Watch(kube, NETVSC_POOLS), 2)
        assert isinstance(found[1], Applied)
        assert len(found[1].object["spec"]["text"]) == 2_000_000

    against(test)


async def take(watch: Watch, count: int) -> list[Event]:
    found = []
    async with aclosing(watch.events()) as events:
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
    return found
