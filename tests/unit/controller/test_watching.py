"""kopf's watches go on, whatever comes in place of an answer: nothing ends, nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from netvsc_operator.kube import NETVSC_NODES, NODES, Kube, config_loader
from sim.account import Account
from sim.cluster.apiserver import status
from sim.cluster.kubeconfig import connected
from sim.cluster.watched import Reader, Watched, reading

NOTHING: dict[str, set[str]] = {"nodes": set(), "netvscnodes": set(), "pods": set(), "pools": set()}
PAGE = "<html>log in first"
PATH = NODES.path()
ERROR = json.dumps({"type": "ERROR", "object": status(500, "storage is away", "InternalError")})


def play(server: Watched, story: Callable[[Reader], Awaitable[None]]) -> None:
    async def run() -> None:
        async with (
            server.serving() as access,
            connected(access) as kube,
            reading(kube) as notes,
        ):
            await story(notes)

    asyncio.run(run())


async def knows(notes: Reader, *names: str) -> None:
    await notes.knows(NOTHING | {"nodes": set(names)})


@pytest.mark.parametrize("path", ["/apis", PATH], ids=["of what there is", "of a list"])
def test_a_proxys_page_in_place_of_an_answer_is_waited_out(path: str) -> None:
    server = Watched()
    server.put(NODES, "n1")
    server.strange = {path: [PAGE, "[]", PAGE]}

    async def story(notes: Reader) -> None:
        await knows(notes, "n1")
        await server.watched()

    play(server, story)


@pytest.mark.parametrize(
    "said",
    [ERROR, '{"type": "ADDED", "obj', PAGE, "[]\n", '{"type": "ADDED"}\n'],
    ids=["an error event", "half a line", "a page", "a list", "no object"],
)
def test_a_watch_that_says_what_it_should_not_is_begun_anew(said: str) -> None:
    server = Watched()
    server.put(NODES, "n1")

    async def story(notes: Reader) -> None:
        await knows(notes, "n1")
        await server.watched()
        server.delete(NODES, "n1")
        server.put(NODES, "n2")
        server.strange = {f"watch {PATH}": [said]}
        server.end()
        await knows(notes, "n2")
        await server.watched()

    play(server, story)


def test_a_proxys_page_in_place_of_a_watch_is_waited_out() -> None:
    server = Watched()

    async def story(notes: Reader) -> None:
        await server.watched()
        server.strange = {PATH: [PAGE, PAGE]}
        server.end()
        await server.watched()
        assert server.strange == {PATH: []}
        assert notes.known == NOTHING

    play(server, story)


def test_a_kind_that_is_gone_and_comes_back_is_watched_again() -> None:
    server = Watched()
    server.put(NETVSC_NODES, "n1")

    async def story(notes: Reader) -> None:
        await server.watched()
        there = server.objects.pop(NETVSC_NODES.path())
        server.put(NODES, "n2")
        server.forget()
        await knows(notes, "n2")
        server.objects[NETVSC_NODES.path()] = there
        await server.watched()

    play(server, story)


def in_a_pod(
    server: Watched,
    story: Callable[[Reader, Account], Awaitable[None]],
    folder: Path,
    patch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        account = Account(folder)
        async with account.serving(server.answer, patch), Kube(config_loader()) as kube:
            async with reading(kube) as notes:
                await server.watched()
                await story(notes, account)
            server.end()

    asyncio.run(run())


def test_a_token_and_an_authority_that_are_replaced_end_no_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Watched()

    async def story(notes: Reader, account: Account) -> None:
        account.token = "second"  # noqa: S105
        account.rotate()
        account.renew()
        server.put(NODES, "n1")
        server.forget()
        await knows(notes, "n1")
        await server.watched()

    in_a_pod(server, story, tmp_path, monkeypatch)


def test_a_token_that_is_refused_for_a_while_is_tried_again_with_pauses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Watched()

    async def story(notes: Reader, account: Account) -> None:
        account.token = "second"  # noqa: S105
        server.put(NODES, "n1")
        server.forget()
        began = asyncio.get_running_loop().time()
        await account.refuses(12)
        assert asyncio.get_running_loop().time() - began > 0.9
        account.renew()
        await knows(notes, "n1")
        await server.watched()

    in_a_pod(server, story, tmp_path, monkeypatch)
