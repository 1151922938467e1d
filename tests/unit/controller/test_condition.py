"""The pod's condition netvsc.io/Accelerated: right, whatever happens while it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from netvsc_operator.kube import PODS
from sim.cluster.controlled import NODE, POD, world
from sim.cluster.nodes import held, offered, pair, returned, revoked, taken
from sim.cluster.objects import Killed

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


def test_a_pod_on_its_vf_is_told_of_a_guard_that_cannot_do_all_its_work() -> None:
    async def told() -> None:
        here = await world()
        await here.report(taken(ONE))
        assert "guard" not in here.condition["message"]
        await here.report(taken(ONE, guard="partial"))
        assert here.condition["status"] == "True"
        assert "its guard is partial" in here.condition["message"]

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
        here.kube.reads.clear()
        await here.settle()
        await here.settle()
        assert here.kube.reads.count(f"pods {POD}") == 1
        assert len(here.kube.writes) == writes

    story(told())


def test_a_namesake_of_which_nobody_tells_gets_its_condition() -> None:
    """It is not injected, so it is not watched, and this runtime tells no pod's uid."""

    async def told() -> None:
        here = await world(sidecar=False)
        here.cache.pods.clear()
        await here.report(ONE)
        there = here.kube.objects["pods", "default", POD]
        here.kube.put(PODS, {"metadata": there["metadata"] | {"uid": "another"}, "spec": {}})
        await here.report(revoked(ONE))
        assert here.condition["reason"] == "VFRevoked"

    story(told())


def test_of_nodes_that_are_gone_nothing_is_remembered() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)
        remembered = here.controller._reporter._shown
        assert NODE in remembered
        here.cache.nodes.clear()
        del here.kube.objects["netvscnodes", None, NODE]
        here.cache.forget(NODE)
        await here.controller.reconcile(NODE)
        assert NODE not in remembered

    story(told())


def test_of_two_pairs_the_worst_makes_the_condition() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE, revoked(held(pair(2))))
        assert here.condition["status"] == "False"
        assert here.condition["message"].startswith("netvsc1: on the synthetic path since")

    story(told())
