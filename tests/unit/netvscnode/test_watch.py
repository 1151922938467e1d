"""Following one object: nothing is missed, whatever becomes of the thread."""

import asyncio
from collections.abc import Awaitable, Callable

from netvsc_deviceplugin.apiserver.client import Client
from netvsc_deviceplugin.netvscnode.watch import NodeWatch, Times
from sim.cluster.apiserver import Apiserver, Object, status, thing

PATIENCE = 10.0
Story = Callable[[NodeWatch, Apiserver], Awaitable[None]]


def following(story: Story, server: Apiserver | None = None, *, silence: float = 60.0) -> None:
    async def play() -> None:
        simulated = server or Apiserver()
        async with simulated.serving() as access:
            client = Client(access)
            watch = NodeWatch(client, "n1", times=Times(silence=silence, longest_pause=0.2))
            task = asyncio.create_task(watch.run())
            try:
                await asyncio.wait_for(story(watch, simulated), PATIENCE)
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                client.close()

    asyncio.run(play())


async def until_version(watch: NodeWatch, version: int) -> Object:
    async for node in watch.node.changes():
        if node and node["metadata"]["resourceVersion"] == str(version):
            return dict(node)
    raise AssertionError("a value that changes has no end")


async def until_trouble(watch: NodeWatch, words: str | None) -> None:
    async for trouble in watch.trouble.changes():
        if trouble is words or (words and trouble and words in trouble):
            return


def test_an_object_that_is_there_is_read_and_then_followed() -> None:
    async def story(watch: NodeWatch, server: Apiserver) -> None:
        await until_version(watch, 5)
        server.say("MODIFIED", thing("n1", 6))
        await until_version(watch, 6)
        assert server.queries()[0]["fieldSelector"] == "metadata.name=n1"
        asked = server.queries()[1]
        assert (asked["resourceVersion"], asked["allowWatchBookmarks"]) == ("5", "true")
        assert 200 <= int(asked["timeoutSeconds"]) <= 330

    server = Apiserver()
    server.objects, server.version = [thing("n1", 5)], 5
    following(story, server)


def test_an_object_that_is_not_there_yet_is_waited_for_and_one_that_goes_is_gone() -> None:
    async def story(watch: NodeWatch, server: Apiserver) -> None:
        await until_trouble(watch, "there is no NetvscNode n1")
        server.say("ADDED", thing("n1", 2))
        await until_version(watch, 2)
        assert watch.trouble.get() is None
        server.say("DELETED", thing("n1", 3))
        await until_trouble(watch, "there is no NetvscNode n1")
        assert (watch.node.get(), watch.uid()) == (None, None)

    following(story)


def test_a_watch_that_ended_goes_on_where_it_was_even_after_bookmarks_alone() -> None:
    async def story(watch: NodeWatch, server: Apiserver) -> None:
        await until_version(watch, 5)
        server.say("BOOKMARK", thing("", 9))
        server.hang_up()
        server.say("MODIFIED", thing("n1", 10))
        await until_version(watch, 10)
        assert [q.get("resourceVersion") for q in server.queries()] == [None, "5", "9"]

    server = Apiserver()
    server.objects, server.version = [thing("n1", 5)], 5
    following(story, server)


def test_a_version_that_is_too_old_means_a_new_list() -> None:
    async def story(watch: NodeWatch, server: Apiserver) -> None:
        await until_version(watch, 5)
        server.objects, server.version = [thing("n1", 50)], 50
        server.say("ERROR", status(410, "too old resource version", "Expired"))
        server.hang_up()
        await until_version(watch, 50)
        server.say("MODIFIED", thing("n1", 51))
        await until_version(watch, 51)
        assert [q.get("resourceVersion") for q in server.queries()[:4]] == [None, "5", None, "50"]

    server = Apiserver()
    server.objects, server.version = [thing("n1", 5)], 5
    following(story, server)


def test_a_watch_that_says_nothing_any_more_is_taken_up_again() -> None:
    async def story(watch: NodeWatch, server: Apiserver) -> None:
        await until_trouble(watch, "does not answer")
        await until_trouble(watch, None)
        assert [q.get("resourceVersion") for q in server.queries()[:3]] == [None, "5", "5"]

    server = Apiserver()
    server.objects, server.version = [thing("n1", 5)], 5
    following(story, server, silence=0.1)


def test_a_kind_that_is_not_installed_and_a_forbidden_one_are_told_and_tried_again() -> None:
    async def story(watch: NodeWatch, _: Apiserver) -> None:
        await until_trouble(watch, "its CRD is not installed")
        await until_trouble(watch, "may not list")
        await until_version(watch, 5)

    server = Apiserver()
    server.objects, server.version = [thing("n1", 5)], 5
    missing = status(404, "the server could not find the requested resource", "NotFound")
    server.refuse = [(404, missing), (403, status(403, "this account may not list", "Forbidden"))]
    following(story, server)


def test_a_line_that_makes_no_sense_is_a_trouble_and_no_end() -> None:
    async def story(watch: NodeWatch, server: Apiserver) -> None:
        await until_version(watch, 5)
        server.say("MODIFIED", {"metadata": None})
        await until_trouble(watch, "the watch says")
        server.hang_up()
        server.say("MODIFIED", thing("n1", 6))
        await until_version(watch, 6)

    server = Apiserver()
    server.objects, server.version = [thing("n1", 5)], 5
    following(story, server)
