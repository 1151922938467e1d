"""Announcements that are ordered: once each, and not before somebody can carry them out."""

import asyncio
from collections.abc import Mapping

import pytest

from netvsc.errors import RetryError
from netvsc.model.status import Announcement, AnnounceState
from netvsc_deviceplugin.netvscnode.reannounce import AnnounceOrders, due

HERE = Announcement(state=AnnounceState.TAKEN)
SILENT = Announcement(state=AnnounceState.UNKNOWN)


@pytest.mark.parametrize(
    ("wanted", "ordered", "expected"),
    [
        ({"a": 1}, {}, ("a",)),
        ({"a": 3}, {"a": 2}, ("a",)),
        ({"a": 3}, {"a": 3}, ()),
        ({"a": 1}, {"a": 3}, ("a",)),
        ({"a": 0}, {}, ()),
        ({"silent": 1}, {}, ()),
        ({"nowhere": 1}, {}, ()),
    ],
)
def test_an_order_is_due_when_it_is_new_and_its_sidecar_answers(
    wanted: Mapping[str, int], ordered: Mapping[str, int], expected: tuple[str, ...]
) -> None:
    assert due(wanted, ordered, {"a": HERE, "silent": SILENT}) == expected


class SimSidecars:
    """Pairs whose sidecars answer; the first `deaf` orders fail."""

    def __init__(self, *, deaf: int = 0) -> None:
        self.announcements: dict[str, Announcement] = {}
        self.told: list[str] = []
        self._deaf = deaf

    async def announce(self, pair_id: str) -> None:
        if self._deaf:
            self._deaf -= 1
            raise RetryError("it hung up")
        self.told.append(pair_id)


async def until_ordered(orders: AnnounceOrders, expected: Mapping[str, int]) -> None:
    async with asyncio.timeout(5):
        async for ordered in orders.ordered.changes():
            if ordered == expected:
                return


def play(story: object, sidecars: SimSidecars, wanted: dict[str, int]) -> None:
    async def run() -> None:
        orders = AnnounceOrders(
            wanted=lambda: dict(wanted),
            announcements=lambda: sidecars.announcements,
            announce=sidecars.announce,
        )
        task = asyncio.create_task(orders.run())
        await story(orders)  # type: ignore[operator]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def test_an_order_waits_for_its_sidecar_and_is_carried_out_once() -> None:
    sidecars, wanted = SimSidecars(), {"a": 2}

    async def story(orders: AnnounceOrders) -> None:
        orders.wake()
        await asyncio.sleep(0)
        assert sidecars.told == []
        sidecars.announcements = {"a": HERE}
        orders.wake()
        await until_ordered(orders, {"a": 2})
        orders.wake()
        wanted["a"] = 3
        orders.wake()
        await until_ordered(orders, {"a": 3})
        assert sidecars.told == ["a", "a"]

    play(story, sidecars, wanted)


def test_an_order_that_could_not_be_told_is_tried_again() -> None:
    sidecars = SimSidecars(deaf=2)
    sidecars.announcements = {"a": HERE}

    async def story(orders: AnnounceOrders) -> None:
        await until_ordered(orders, {"a": 1})
        assert sidecars.told == ["a"]

    play(story, sidecars, {"a": 1})


def test_an_order_that_is_withdrawn_is_forgotten_and_may_begin_anew() -> None:
    sidecars, wanted = SimSidecars(), {"a": 1}
    sidecars.announcements = {"a": HERE}

    async def story(orders: AnnounceOrders) -> None:
        await until_ordered(orders, {"a": 1})
        del wanted["a"]
        orders.wake()
        await until_ordered(orders, {})
        wanted["a"] = 1
        orders.wake()
        await until_ordered(orders, {"a": 1})
        assert sidecars.told == ["a", "a"]

    play(story, sidecars, wanted)
