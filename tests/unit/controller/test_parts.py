"""The controller's small parts: the queue, the memory, the phases, Events and conditions."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc.model.pair import VfSeen
from netvsc.model.status import STARTING, Announcement, AnnounceState, ApplicationState
from netvsc_operator.controller.cache import Cache, NodeSummary, PodFacts
from netvsc_operator.controller.events import reported
from netvsc_operator.controller.events.phase import LATE, VfPhase, phase_of
from netvsc_operator.controller.events.pod_condition import accelerated
from netvsc_operator.controller.events.reannounce import SCHEDULE, NextStep, decide
from netvsc_operator.controller.events.reasons import EventReason, EventType
from netvsc_operator.controller.events.recorder import Audience, Ref, event
from netvsc_operator.controller.events.reported import PairReported, PodReported, Reported
from netvsc_operator.controller.events.rules import EventDraft
from netvsc_operator.controller.watches.event_sink import EventSink
from netvsc_operator.controller.watches.kopf_session import WatchLiveness
from netvsc_operator.controller.workqueue import WorkQueue
from sim.cluster.nodes import held, offered, pair, returned, revoked, said, taken

ONE = held(pair(1))
BACK = returned(revoked(ONE))
AT_HOME = replace(ONE, allocation=replace(ONE.allocation, interface=None))  # CNI has yet to come


@pytest.mark.parametrize(
    ("one", "phase"),
    [
        (pair(1), VfPhase.ALONE),
        (revoked(ONE), VfPhase.GONE),
        (ONE, VfPhase.TAKEN),
        (BACK, VfPhase.UNOFFERED),
        (said(ONE, AnnounceState.TAKEN, taken_at="no time"), VfPhase.TAKEN),
        (said(BACK, AnnounceState.TAKEN), VfPhase.UNOFFERED),  # taken before the outage
        (said(replace(BACK, last_outage_seconds=0.0), AnnounceState.TAKEN), VfPhase.TAKEN),
        (offered(BACK), VfPhase.UNTAKEN),
        (offered(BACK, application=ApplicationState.NOT_OPENED), VfPhase.PATIENT),
        (taken(BACK), VfPhase.TAKEN),
        (said(BACK, AnnounceState.UNOPENED), VfPhase.PATIENT),
        (said(BACK, AnnounceState.UNKNOWN), VfPhase.UNOFFERED),
        (said(BACK, AnnounceState.UNKNOWN, reason=STARTING), VfPhase.PATIENT),
        (said(AT_HOME, AnnounceState.UNKNOWN), VfPhase.PATIENT),
        (said(BACK, AnnounceState.WITHHELD, reason="Gate"), VfPhase.PATIENT),
        (said(BACK, AnnounceState.WITHHELD, reason="NotAsked"), VfPhase.UNTAKEN),
        (said(BACK, AnnounceState.WITHHELD, reason="Settling"), VfPhase.UNOFFERED),
        (said(BACK, AnnounceState.WITHHELD, reason="VerbsMismatch"), VfPhase.BARRED),
        (replace(BACK, verbs_mismatch="another"), VfPhase.BARRED),
        (replace(BACK, announcement=None), VfPhase.PATIENT),
    ],
)  # fmt: skip
def test_each_state_of_an_announcement_has_its_phase(one: object, phase: VfPhase) -> None:
    assert phase_of(one, sidecar=True) is phase  # type: ignore[arg-type]


def test_without_a_sidecar_silence_is_nobodys_fault() -> None:
    for silent in (
        said(BACK, AnnounceState.UNKNOWN),
        replace(BACK, announcement=None),
    ):
        assert phase_of(silent, sidecar=False) is VfPhase.ALONE


@given(
    phase=st.sampled_from(VfPhase),
    tries=st.integers(0, 3),
    escalated=st.booleans(),
    waited=st.floats(0, 1000),
)
def test_the_loop_never_orders_more_than_three_times_nor_before_its_time(
    phase: VfPhase, tries: int, escalated: bool, waited: float
) -> None:
    found = decide(phase, PairReported(tries=tries, escalated=escalated), waited_s=waited)
    if found.step in {NextStep.ORDER, NextStep.ESCALATE}:
        assert phase in LATE
        assert not escalated
        assert waited >= (SCHEDULE.pauses_s[tries - 1] if tries else SCHEDULE.patience_s)
    assert (found.step is not NextStep.ORDER) or tries < 3
    assert (found.step is not NextStep.WAIT) or 0 < found.wait_s <= 45


def test_the_condition_of_a_nic_without_accelerated_networking_says_so() -> None:
    never = replace(revoked(ONE), vf_seen=VfSeen.NEVER)
    assert accelerated([never], sidecar=True).reason == "NoVF"


def test_a_pod_that_is_starting_is_not_said_to_have_a_silent_sidecar() -> None:
    starting = said(ONE, AnnounceState.UNKNOWN, reason=STARTING)
    assert accelerated([starting], sidecar=True).reason == "SidecarStarting"


def test_unknown_is_worse_than_true_and_better_than_false() -> None:
    silent = said(held(pair(2)), AnnounceState.UNKNOWN)
    assert accelerated([ONE, silent], sidecar=True).reason == "SidecarNotResponding"
    assert accelerated([ONE, silent, revoked(ONE)], sidecar=True).reason == "VFRevoked"


def test_what_was_told_is_read_as_it_was_written_and_a_broken_one_is_begun_anew() -> None:
    before = Reported(
        pairs={"a": PairReported(revoked=3, pci="9b33:00:02.0", escalated=True)},
        pods={"ns/p": PodReported(uid="u", sidecar=True, reannounce="x")},
    )
    assert reported.read(reported.write(before), node="n") == before
    for broken in (None, "", "{", "[]", '{"pairs": 3}', '{"pods": {"a": {}}}'):
        assert reported.read(broken, node="n") == Reported()


def test_events_have_equal_names_for_equal_tellings_only() -> None:
    about = Ref(kind="Node", name="n" * 253, uid="u")
    telling = EventDraft(
        reason=EventReason.VF_REVOKED,
        type=EventType.WARNING,
        key="revoked-0",
        note="ü" * 2000,
        sets={"revoked": 1},
    )
    first = event(telling, about, scope="s/a", now=0.0)
    assert (
        first["metadata"]["name"] == event(telling, about, scope="s/a", now=9.0)["metadata"]["name"]
    )
    others = [
        event(replace(telling, key="revoked-1"), about, scope="s/a", now=0.0),
        event(telling, about, scope="s/b", now=0.0),
        event(telling, replace(about, uid="v"), scope="s/a", now=0.0),
    ]
    assert len({one["metadata"]["name"] for one in (first, *others)}) == 4
    assert len(first["metadata"]["name"]) <= 253
    assert len(first["note"].encode()) <= 1024


def test_a_pod_hears_what_happened_in_its_time() -> None:
    node, pod = (Ref(kind=kind, name="x", uid="u") for kind in ("Node", "Pod"))
    telling = EventDraft(
        reason=EventReason.VF_REVOKED,
        type=EventType.WARNING,
        key="k",
        note="",
        sets={},
        at="2026-01-02T03:04:05.5Z",
    )
    for made, hears in (
        ("2026-01-02T03:04:05Z", True),
        ("2026-01-02T03:04:06Z", False),
        (None, True),
    ):
        assert Audience(scope="s", node=node, pod=pod, pod_made=made).concerns(telling) is hears
    assert not Audience(scope="s", node=node).concerns(telling)


def test_a_pod_that_was_known_before_hears_it_whatever_the_nodes_clock_says() -> None:
    node, pod = (Ref(kind=kind, name="x", uid="u") for kind in ("Node", "Pod"))
    yesterday = EventDraft(
        reason=EventReason.VF_REVOKED,
        type=EventType.WARNING,
        key="k",
        note="",
        sets={},
        at="2026-01-01T03:04:05.5Z",
    )
    to = Audience(scope="s", node=node, pod=pod, pod_made="2026-01-02T03:04:05Z", known=True)
    assert to.concerns(yesterday)
    assert not replace(to, known=False).concerns(yesterday)


def test_a_name_is_worked_on_by_one_at_a_time_and_again_if_asked_meanwhile() -> None:
    async def told() -> None:
        queue = WorkQueue(lambda: 0.0)
        queue.add("a")
        queue.add("a")
        name, _ = await queue.take()
        queue.add("a")
        assert len(queue) == 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await queue.take()
        queue.done(name)
        assert (await queue.take())[0] == "a"

    asyncio.run(told())


def test_a_failure_comes_back_after_a_pause_and_an_earlier_wish_wins() -> None:
    async def told() -> None:
        queue = WorkQueue(asyncio.get_running_loop().time)
        queue.add("a")
        await queue.take()
        queue.failed("a", after_s=30)
        assert len(queue) == 0
        queue.add_after("a", 0.01)
        async with asyncio.timeout(5):
            assert (await queue.take())[0] == "a"

    asyncio.run(told())


def test_the_oldest_wish_tells_whether_anybody_works() -> None:
    now = [0.0]
    queue = WorkQueue(lambda: now[0])
    assert queue.oldest_s() == 0
    queue.add("a")
    now[0] = 130.0
    assert queue.oldest_s() == 130


class _Pools:
    def schedule(self) -> None:
        """Nothing is kept here."""

    def take(self, _thing: object, *, gone: bool) -> bool:
        return not gone


def test_notes_ask_for_a_look_only_where_something_matters() -> None:
    async def told() -> None:
        queue = WorkQueue(lambda: 0.0)
        cache = Cache(queue)
        notes = EventSink(cache, _Pools())  # type: ignore[arg-type]
        cache.remember("n1", NodeSummary(spec=0, pools=(), pods=("default/p",)))
        node = {"metadata": {"name": "n1", "uid": "u", "labels": {"a": "b"}}}
        notes.on_node(node, gone=False)
        assert (await queue.take())[0] == "n1"
        queue.done("n1")
        notes.on_node(node, gone=False)  # a heartbeat
        assert len(queue) == 0
        pod = {"metadata": {"namespace": "default", "name": "p", "uid": "v", "annotations": {}}}
        notes.on_pod(pod, gone=False)
        assert cache.pods == {"default/p": PodFacts("v", None)}
        async with asyncio.timeout(5):
            assert (await queue.take())[0] == "n1"
        notes.on_pod(pod, gone=True)
        notes.on_node(node, gone=True)
        assert cache.pods == cache.nodes == {}

    asyncio.run(told())


def test_a_new_pool_has_every_node_looked_at() -> None:
    queue = WorkQueue(lambda: 0.0)
    cache = Cache(queue)
    for name in ("n1", "n2"):
        cache.note_node({"name": name, "uid": name})
    notes = EventSink(cache, _Pools())  # type: ignore[arg-type]
    notes.on_netvscpool({"metadata": {"name": "pair"}}, gone=False)
    assert len(queue) == 2


def test_a_silent_watch_is_noticed_and_a_busy_one_is_not() -> None:
    now = [0.0]
    liveness = WatchLiveness(["/api/v1/nodes"], clock=lambda: now[0])
    assert liveness.stopped() is None
    assert liveness.incomplete() == "not watched yet: /api/v1/nodes"
    liveness.watched("/api/v1/nodes")
    assert liveness.incomplete() is None
    now[0] = 179.0
    assert liveness.stopped() is None
    now[0] = 200.0
    assert "the watch of /api/v1/nodes has been silent for 200 s" in (liveness.stopped() or "")


def test_a_pods_announcement_without_a_time_is_no_reason_to_fail() -> None:
    bare = replace(ONE, announcement=Announcement(state=AnnounceState.TAKEN), last_revoked="?")
    assert phase_of(bare, sidecar=True) is VfPhase.TAKEN
