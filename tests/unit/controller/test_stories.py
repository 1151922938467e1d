"""What people are told, and what is ordered: the controller's own code, an apiserver in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from netvsc.model.status import AnnounceState, ApplicationState, Foreign, ForeignState
from netvsc_operator.controller.cache import PodFacts
from sim.cluster.controlled import NODE, POD, World, world
from sim.cluster.nodes import held, offered, pair, returned, revoked, said, taken, vf
from sim.cluster.objects import Killed

ONE = held(pair(1))


def story(told: Coroutine[Any, Any, None]) -> None:
    asyncio.run(told)


def test_a_selected_node_gets_a_netvscnode_that_it_owns() -> None:
    async def told() -> None:
        here = await world()
        assert here.node["metadata"]["ownerReferences"][0]["uid"] == "node-uid"
        assert here.node["spec"]["pools"] == [{"name": "pair"}]

    story(told())


def test_a_node_that_no_pool_selects_costs_no_request() -> None:
    async def told() -> None:
        here = World()
        here.kube.objects["netvscpools", None, "pair"]["spec"] = {"nodeSelector": {"zone": "b"}}
        await here.start()
        here.kube.objects.clear()  # a request would raise
        await here.controller.reconcile(NODE)
        assert here.kube.writes == []

    story(told())


def test_revoked_is_told_to_node_and_pod_and_the_condition_turns_false() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)
        assert here.condition["status"] == "True"
        await here.report(revoked(ONE))
        assert here.events("Node") == here.events("Pod") == ["VFRevoked"]
        assert here.condition["status"] == "False"
        assert here.condition["reason"] == "VFRevoked"
        assert "9b33:00:01.0 of netvsc0 (00-0d-3a-00-00-01)" in here.notes("VFRevoked")[0]

    story(told())


def test_returned_is_told_once_the_application_took_it_with_both_times() -> None:
    async def told() -> None:
        here = await world()
        gone = revoked(ONE)
        back = returned(gone)
        await here.report(gone)
        await here.report(back)
        assert here.notes("VFReturned") == []
        assert here.condition["reason"] == "NotOffered"
        await here.report(taken(back))
        (note,) = here.notes("VFReturned")
        assert "came back after 0.0 s; the application took it 0." in note
        assert here.condition["status"] == "True"

    story(told())


def test_three_revocations_while_nobody_looked_are_one_event_that_says_so() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)
        await here.report(taken(returned(revoked(ONE, times=3))))
        assert here.events("Pod") == ["VFRevoked", "VFReturned"]
        assert "was revoked 3 times, the last time at" in here.notes("VFRevoked")[0]
        assert "came back 3 times" in here.notes("VFReturned")[0]

    story(told())


def test_a_vf_that_returns_as_another_is_told_with_both_names() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)
        gone = revoked(ONE)
        await here.report(gone)
        await here.report(taken(returned(gone, back=vf(1, pci="7870:00:00.0", driver="mana"))))
        assert (
            "has the PCI address 7870:00:00.0; it was 9b33:00:01.0"
            in (here.notes("VFAddressChanged")[0])
        )
        assert "has the driver mana; it was mlx5_core" in here.notes("VFModelChanged")[0]

    story(told())


def test_a_verbs_mismatch_is_told_once_is_not_accelerated_and_is_no_reason_for_orders() -> None:
    async def told() -> None:
        here = await world()
        wrong = replace(ONE, verbs_mismatch="it has uverbs1, its VF is uverbs3")
        await here.report(said(wrong, AnnounceState.WITHHELD, reason="VerbsMismatch"))
        await here.pass_(600)
        assert here.events("Pod") == ["VerbsMismatch"]
        assert here.condition["reason"] == "VerbsMismatch"
        assert here.orders == {}
        await here.report(ONE)
        await here.report(wrong)
        assert here.events("Pod") == ["VerbsMismatch"]  # of this outage it was told

    story(told())


def test_a_deaf_sidecar_is_asked_again_and_heals() -> None:
    async def told() -> None:
        here = await world()
        back = returned(revoked(ONE))
        await here.report(back)
        assert here.queue.after[-1] == 2.0
        await here.pass_(1.9)
        assert here.orders == {}
        await here.pass_(0.1)
        assert here.orders == {ONE.id: 1}
        assert here.queue.after[-1] == 5.0
        await here.report(taken(said(back, AnnounceState.AWAY, ordered=1)))
        assert here.events("Pod") == ["VFRevoked", "AnnouncementRepeated", "VFReturned"]
        assert here.counted("netvsc_reannouncements_total", result="taken") == 1
        await here.pass_(600)
        assert here.orders == {ONE.id: 1}

    story(told())


def test_three_orders_with_growing_pauses_then_people_are_told_what_helps() -> None:
    async def told() -> None:
        here = await world()
        back = returned(revoked(ONE))
        await here.report(back)
        for seconds, order in ((2, 1), (5, 2), (15, 3)):
            await here.pass_(seconds - 0.1)
            assert here.orders.get(ONE.id, 0) == order - 1
            await here.pass_(0.1)
            assert here.orders == {ONE.id: order}
            await here.report(said(back, AnnounceState.AWAY, ordered=order))
        await here.pass_(44.9)
        assert here.notes("SidecarNotListening") == []
        await here.pass_(0.1)
        assert "restart its container netvsc-fdpipe" in here.notes("SidecarNotListening")[0]
        await here.pass_(3600)
        assert here.orders == {ONE.id: 3}
        assert here.events("Pod").count("SidecarNotListening") == 1
        await here.report(taken(back))
        assert here.events("Pod")[-1] == "VFReturned"

    story(told())


def test_a_poisoned_application_is_named_with_its_container() -> None:
    async def told() -> None:
        here = await world()
        back = offered(returned(revoked(ONE)))
        await here.report(back)
        for number, seconds in enumerate((2, 5, 15), start=1):
            await here.pass_(seconds)
            await here.report(said(back, AnnounceState.WITHHELD, reason="NotAsked", ordered=number))
        await here.pass_(45)
        (note,) = here.notes("ApplicationNotListening")
        assert "restart container fwd" in note
        assert here.counted("netvsc_reannouncements_total", result="escalated") == 1

    story(told())


def test_an_order_that_the_agent_never_carried_out_points_at_the_agent() -> None:
    async def told() -> None:
        here = await world()
        await here.report(returned(revoked(ONE)))
        for seconds in (2, 5, 15, 45):
            await here.pass_(seconds)
        assert "look at the logs of the node's agent" in here.notes("SidecarNotListening")[0]

    story(told())


def test_a_new_outage_begins_the_tries_anew() -> None:
    async def told() -> None:
        here = await world()
        back = returned(revoked(ONE))
        await here.report(back)
        await here.pass_(2)
        await here.pass_(5)
        again = revoked(back)
        await here.report(again)
        await here.report(returned(again))
        assert here.orders == {ONE.id: 2}
        await here.pass_(2)
        assert here.orders == {ONE.id: 3}
        assert "try 1 of 3" in here.notes("AnnouncementRepeated")[-1]

    story(told())


def test_an_application_that_is_still_starting_is_left_in_peace() -> None:
    async def told() -> None:
        here = await world()
        back = returned(revoked(ONE))
        await here.report(
            said(back, AnnounceState.WITHHELD, reason="Gate", application=ApplicationState.OPENED)
        )
        await here.pass_(2)
        assert "the application is not ready to take it" in here.notes("VFReturned")[0]
        await here.pass_(600)
        assert here.orders == {}

    story(told())


def test_a_pod_without_a_sidecar_gets_no_orders_and_its_condition_is_unknown() -> None:
    async def told() -> None:
        here = await world(sidecar=False)
        silent = replace(returned(revoked(ONE)), announcement=None)
        await here.report(silent)
        await here.pass_(600)
        assert here.orders == {}
        assert here.condition["status"] == "Unknown"
        assert here.events("Pod") == ["VFRevoked", "VFReturned"]

    story(told())


def test_the_annotation_on_a_pod_orders_once_for_each_value() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)
        for value, order in (("now", 1), ("now", 1), ("please", 2)):
            here.cache.pods[f"default/{POD}"] = PodFacts("pod-uid", value)
            await here.settle()
            assert here.orders == {ONE.id: order}
        here.reannounce = "please"
        await here.start()
        await here.settle()
        assert here.orders == {ONE.id: 2}
        assert here.events("Pod") == ["AnnouncementRepeated"] * 2

    story(told())


def test_a_namesake_of_the_pod_is_another_pod() -> None:
    async def told() -> None:
        here = await world()
        await here.report(revoked(ONE))
        pod = here.kube.objects["pods", "default", POD]
        pod["metadata"]["uid"] = "pod-uid-2"
        del pod["status"]
        here.cache.pods[f"default/{POD}"] = PodFacts("pod-uid-2", None)
        await here.settle()
        assert here.condition["reason"] == "VFRevoked"

    story(told())


def test_a_pod_that_came_after_the_revocation_is_not_told_of_it() -> None:
    async def told() -> None:
        here = await world()
        pod = here.kube.objects["pods", "default", POD]
        pod["metadata"]["creationTimestamp"] = "2099-01-02T03:04:05Z"
        await here.report(revoked(ONE))
        assert here.events("Node") == ["VFRevoked"]
        assert here.events("Pod") == []

    story(told())


def test_foreign_claims_are_written_only_once_they_are_known() -> None:
    async def told() -> None:
        here = await world()
        there = {"interface": "eth1", "owner": "dra.net", "state": "listed"}
        here.node["spec"]["foreign"] = [there]
        await here.settle()
        assert here.node["spec"]["foreign"] == [there]
        claim = Foreign(interface="eth2", owner="dra.net", state=ForeignState.ALLOCATED)
        here.foreigners.said = (claim,)
        await here.settle()
        assert [one["interface"] for one in here.node["spec"]["foreign"]] == ["eth2"]

    story(told())


def test_what_is_level_costs_no_write_and_no_read() -> None:
    async def told() -> None:
        here = await world()
        await here.report(ONE)
        writes = len(here.kube.writes)
        await here.pass_(60)
        assert len(here.kube.writes) == writes
        here.cache.doubted(NODE)
        del here.kube.objects["netvscnodes", None, NODE]  # a read would find that out
        await here.controller.reconcile(NODE)
        assert NODE in here.cache.summaries

    story(told())


def test_an_agent_of_another_version_is_no_reason_to_fail() -> None:
    async def told() -> None:
        here = await world()
        here.node["status"] = {"agent": "0.2.0"}
        await here.settle()
        assert here.events() == []

    story(told())


def _steps(here: World) -> list[Callable[[], Awaitable[None]]]:
    """Revoked, returned, deaf until the second order, taken."""
    gone = revoked(ONE)
    back = returned(gone)
    return [
        lambda: here.report(ONE),
        lambda: here.report(gone),
        lambda: here.report(back),
        lambda: here.pass_(2),
        lambda: here.report(said(back, AnnounceState.AWAY, ordered=1)),
        lambda: here.pass_(5),
        lambda: here.report(taken(said(back, AnnounceState.AWAY, ordered=2))),
    ]


TOLD = ["VFRevoked", "AnnouncementRepeated", "AnnouncementRepeated", "VFReturned"]


@pytest.mark.parametrize("before", [True, False], ids=["before the write", "after it"])
def test_killed_at_any_write_nothing_is_told_twice_and_nothing_is_missed(*, before: bool) -> None:
    async def killed_at(number: int) -> bool:
        """Return whether the story was long enough to be killed in."""
        here = await world()
        here.kube.die, here.kube.before = number, before
        died = False
        for step in _steps(here):
            try:
                await step()
            except Killed:
                died, here.kube.die = True, None
                await here.start()
                await here.settle()
                await here.pass_(5)  # whatever was awaited is awaited anew
        assert here.events("Node") == TOLD, f"killed at write {number}"
        assert here.events("Pod") == TOLD, f"killed at write {number}"
        assert here.orders == {ONE.id: 2}
        assert here.condition["status"] == "True"
        return died

    async def every() -> int:
        number = 0
        while await killed_at(number):
            number += 1
        return number

    assert asyncio.run(every()) >= 15
