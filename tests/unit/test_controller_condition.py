"""The pod's condition netvsc.io/Accelerated: right, whatever happens while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from sim.controlled import POD, world
from sim.nodes import held, offered, pair, returned, revoked, taken
from sim.objects import Killed

ONE = held(pair(1))


def story(told: Coroutine[Any, Any, None]) -> None:
    asyncio.run(told)


def test_the_time_of_the_condition_stays_while_its_status_does() -> None:
    async def told() -> None:
        here = await world()
        await here.report(revoked(ONE))
        since = here.condition["lastTransitionTime"]
        here.clock += 60
        await here.report(offered(returned(revoked(ONE))))
        assert here.condition["reason"] == "NotTaken"
        assert here.condition["lastTransitionTime"] == since
        await here.report(taken(returned(revoked(ONE))))
        assert here.condition["lastTransitionTime"] != since

    story(told())


def test_a_condition_is_right_though_the_agent_wrote_while_it_was_written() -> None:
    """The NetvscNode's own patch then conflicts, and by the next look all is as it was before."""

    async def told() -> None:
        here = await world()
        await here.report(ONE)
        gone = revoked(ONE)
        here.kube.after["patch pods status"] = lambda: here.agent_writes(taken(returned(gone)))
        await here.report(gone)
        assert here.kube.after == {}
        assert here.condition["status"] == "True"

    story(told())


def test_a_condition_is_right_though_its_writer_was_killed_before_all_was_as_before() -> None:
    def killed() -> None:
        raise Killed

    async def told() -> None:
        here = await world()
        await here.report(ONE)
        gone = revoked(ONE)
        here.kube.after["patch pods status"] = killed
        with pytest.raises(Killed):
            await here.report(gone)
        assert here.condition["status"] == "False"
        await here.start()
        await here.report(taken(returned(gone)))
        assert here.condition["status"] == "True"

    story(told())


def test_what_a_pods_condition_says_is_read_once_and_not_written_again_after_a_restart() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)
        writes = len(here.kube.writes)
        await here.start()
        await here.settle()
        assert len(here.kube.writes) == writes
        del here.kube.objects["pods", "default", POD]  # a second read would find that out
        await here.settle()
        assert len(here.kube.writes) == writes

    story(told())


def test_of_two_pairs_the_worst_makes_the_condition() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE, revoked(held(pair(2))))
        assert here.condition["status"] == "False"
        assert here.condition["message"].startswith("netvsc1: on the synthetic path since")

    story(told())
