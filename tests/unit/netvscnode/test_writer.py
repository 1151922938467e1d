"""The status is written when it changed, not too often, and the last one always."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from netvsc.errors import NodeError, RetryError
from netvsc.model.status import AgentStatus, NodeStatus, Summary
from netvsc_deviceplugin.netvscnode.writer import INTERVAL_S, SETTLE_S, StatusWriter, patch_of

EMPTY = NodeStatus(
    agent=AgentStatus(version="1", started="2026-01-02T03:04:05.000000Z"),
    summary=Summary(pairs=0, free=0, on_vf=0, revoked24h=0),
)


@dataclass
class SimNode:
    """The status of a node, and an apiserver that refuses as often as it is told to.

    `lose`: so many writes are carried out, and their answer does not arrive.
    """

    status: NodeStatus = EMPTY
    uid: str | None = "u1"
    refuse: int = 0
    lose: int = 0
    kept: list[int] = field(default_factory=list)
    written: list[tuple[float, int]] = field(default_factory=list)
    change_in: float | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def revoked(self, number: int) -> None:
        self.status = replace(self.status, summary=replace(EMPTY.summary, revoked24h=number))

    async def write(self, patch: dict[str, Any]) -> None:
        if self.refuse:
            self.refuse -= 1
            raise RetryError("409: somebody else wrote meanwhile")
        self.written.append((time.monotonic(), patch["status"]["summary"]["revoked24h"]))
        self.news.set()
        if self.lose:
            self.lose -= 1
            raise RetryError("PATCH: the apiserver does not answer: timeout")

    async def until(self, number: int) -> None:
        """Wait until the last that was written says so."""
        async with asyncio.timeout(10):
            while not self.written or self.written[-1][1] != number:
                self.news.clear()
                await self.news.wait()

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.written]


def on_a_node(
    story: Callable[[SimNode, StatusWriter], Awaitable[None]], node: SimNode | None = None
) -> None:
    async def play() -> None:
        sim = node or SimNode()
        writer = StatusWriter(
            read=lambda: sim.status,
            keep=lambda status: sim.kept.append(status.summary.revoked24h),
            write=sim.write,
            there=lambda: sim.uid,
        )
        task = asyncio.create_task(writer.run(lambda: sim.change_in))
        try:
            await story(sim, writer)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())


def test_the_patch_names_all_our_keys_so_that_what_became_empty_goes() -> None:
    patch = patch_of(EMPTY)["status"]
    assert isinstance(patch, dict)
    assert set(patch) == {
        *("agent", "summary", "observedGeneration", "pools"),
        *("pairs", "excluded", "conflicts", "conditions"),
    }
    assert (patch["pairs"], patch["conflicts"]) == (None, None)
    assert patch["summary"] == {"pairs": 0, "free": 0, "onVf": 0, "revoked24h": 0}


def test_a_change_is_written_at_once_and_what_is_no_change_never() -> None:
    async def story(node: SimNode, writer: StatusWriter) -> None:
        await node.until(0)
        await asyncio.sleep(INTERVAL_S)  # seconds: a quiet interval, which is what it is about
        began = time.monotonic()
        node.revoked(1)
        writer.wake()
        await node.until(1)
        assert node.written[-1][0] - began < SETTLE_S + 0.1
        writer.wake()
        await asyncio.sleep(INTERVAL_S + 0.1)
        assert node.numbers == [0, 1]

    on_a_node(story)


def test_many_changes_are_two_writes_a_second_and_the_last_one_always() -> None:
    async def story(node: SimNode, writer: StatusWriter) -> None:
        began = time.monotonic()
        for number in range(1, 151):
            node.revoked(number)
            writer.wake()
            await asyncio.sleep(0.01)
        await node.until(150)
        took = time.monotonic() - began
        assert len(node.written) <= took / INTERVAL_S + 2

    on_a_node(story)


def test_a_write_that_fails_is_tried_again_and_what_is_on_disk_does_not_wait_for_it() -> None:
    async def story(node: SimNode, writer: StatusWriter) -> None:
        node.revoked(1)
        writer.wake()
        await node.until(1)
        assert node.numbers == [1]
        assert node.kept == [1]

    on_a_node(story, SimNode(refuse=2))


def test_a_write_whose_answer_was_lost_counts_though_all_is_as_before_by_the_next() -> None:
    async def story(node: SimNode, writer: StatusWriter) -> None:
        await node.until(0)
        node.lose = 1
        node.revoked(1)
        writer.wake()
        await node.until(1)  # the apiserver has it, and the writer cannot know
        node.revoked(0)
        writer.wake()
        await node.until(0)

    on_a_node(story)


def test_what_a_full_disk_refused_is_kept_as_soon_as_it_has_room() -> None:
    node, full = SimNode(), [True]

    def keep(status: NodeStatus) -> None:
        if full[0]:
            raise NodeError("cannot write: No space left on device")
        node.kept.append(status.summary.revoked24h)
        node.news.set()

    async def play() -> None:
        writer = StatusWriter(
            read=lambda: node.status, keep=keep, write=node.write, there=lambda: node.uid
        )
        task = asyncio.create_task(writer.run(lambda: None))
        node.revoked(1)
        await node.until(1)  # the apiserver does not wait for the disk
        assert node.kept == []
        full[0] = False
        async with asyncio.timeout(10):  # no change comes, and no hint
            while not node.kept:
                node.news.clear()
                await node.news.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (node.kept, node.numbers) == ([1], [1])

    asyncio.run(play())


def test_while_the_apiserver_is_away_changes_are_kept_and_a_hint_tries_again_at_once() -> None:
    async def story(node: SimNode, writer: StatusWriter) -> None:
        for number in range(1, 4):
            node.revoked(number)
            writer.wake()
            await asyncio.sleep(INTERVAL_S + 0.05)
        assert node.kept[-1] == 3
        node.refuse = 0
        began = time.monotonic()
        writer.again()
        await node.until(3)
        assert time.monotonic() - began < INTERVAL_S + SETTLE_S + 0.1

    on_a_node(story, SimNode(refuse=1000))


def test_without_an_object_nothing_is_written_and_a_new_object_gets_it_all() -> None:
    async def story(node: SimNode, writer: StatusWriter) -> None:
        await asyncio.sleep(0.1)
        assert (node.written, node.kept) == ([], [0])
        for uid in ("u1", "u2"):
            node.uid = uid
            node.news.clear()
            writer.wake()
            await asyncio.wait_for(node.news.wait(), 5)
        assert node.numbers == [0, 0]

    on_a_node(story, SimNode(uid=None))


def test_what_changes_by_time_alone_is_written_when_it_does() -> None:
    async def story(node: SimNode, _: StatusWriter) -> None:
        node.revoked(1)
        await node.until(1)
        assert node.numbers[0] in {0, 1}

    on_a_node(story, SimNode(change_in=0.05))
