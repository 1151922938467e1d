"""Reports what happened on one node and orders announcements: from what was reported to what is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from netvsc.model.status import NodeStatus, PairStatus
from netvsc_operator.controller.cache import Cache
from netvsc_operator.controller.events import reannounce, rules
from netvsc_operator.controller.events.phase import LATE, VfPhase, phase_of
from netvsc_operator.controller.events.pod_condition import Accelerated, accelerated
from netvsc_operator.controller.events.pods import Facts, Pods, pod_of
from netvsc_operator.controller.events.reannounce import NextStep, StateTimer
from netvsc_operator.controller.events.reasons import Reannouncement
from netvsc_operator.controller.events.recorder import Audience, Recorder, Ref
from netvsc_operator.controller.events.reported import PairReported, PodReported, Reported
from netvsc_operator.controller.events.rules import EventDraft, Situation
from netvsc_operator.kube import NETVSC_NODES
from netvsc_operator.objects import Object


@dataclass(slots=True)
class Report:
    """What is to be written, all at once; `counted` is what to count when it was.

    `orders` are new values of spec.announce; `again_s` is when to look again.
    """

    reported: Reported
    orders: dict[str, int] = field(default_factory=dict)
    again_s: float | None = None
    counted: list[Callable[[], None]] = field(default_factory=list)

    def done(self) -> None:
        for count in self.counted:
            count()

    def wake(self, seconds: float) -> None:
        self.again_s = seconds if self.again_s is None else min(self.again_s, seconds)


@dataclass(slots=True)
class _Reconcile:
    """One look at one node; pods are read at most once in it.

    `asked` are the manual orders of its pods: what comes during the look is for the next one.
    """

    name: str
    node: Ref
    scope: str
    announce: Mapping[str, int]
    reported: Reported
    outcome: Report
    asked: Mapping[str, str]
    facts: dict[str, Facts | None] = field(default_factory=dict)


class Meter(Protocol):
    """What is reported of orders."""

    def reannounced(self, result: Reannouncement) -> None: ...


class Reporter:
    """Reports on nodes, one at a time each; `timer` is shared by all.

    What a pod's condition says stands in the pod alone, since no other place can be written with
    it: a note of it in the NetvscNode would be false after a death, or a Conflict, in between. So
    the pod is read once, and from then on is as it was written.
    """

    def __init__(
        self,
        *,
        recorder: Recorder,
        pods: Pods,
        cache: Cache,
        timer: StateTimer,
        meter: Meter,
    ) -> None:
        self._recorder = recorder
        self._pods = pods
        self._cache = cache
        self._timer = timer
        self._meter = meter
        self._shown: dict[str, dict[str, Accelerated]] = {}  # by node and the pod's uid

    async def report(self, there: Object, status: NodeStatus, before: Reported) -> Report:
        """Report what is due; return what is to be remembered of it."""
        holders = _by_pod(status.pairs)
        run = _Reconcile(
            name=there["metadata"]["name"],
            node=_node(there),
            scope=there["metadata"]["uid"],
            announce=(there.get("spec") or {}).get("announce") or {},
            reported=before,
            outcome=Report(before),
            asked=self._asked(holders),
        )
        pods = {pod: await self._pod(pod, pairs, run) for pod, pairs in holders.items()}
        pairs = dict(before.pairs)
        for pair in status.pairs:
            pod = pod_of(pair)
            pairs[pair.id] = await self._pair(pair, pods.get(pod) if pod else None, run)
        for pod, one in pods.items():
            if one is not None:
                pods[pod] = await self._condition(pod, one, holders[pod], run)
        kept = {pod: one for pod, one in pods.items() if one is not None}
        run.outcome.reported = Reported(pairs=pairs, pods=kept)
        self._keep(run.name, {one.uid for one in kept.values()})
        return run.outcome

    def _keep(self, node: str, uids: set[str]) -> None:
        shown = self._shown.pop(node, {})
        if left := {uid: one for uid, one in shown.items() if uid in uids}:
            self._shown[node] = left

    def forget(self, node: str) -> None:
        self._timer.forget(node)
        self._shown.pop(node, None)

    async def _pod(self, pod: str, pairs: list[PairStatus], run: _Reconcile) -> PodReported | None:
        """Return what was reported of the pod; read it if it is another now. None: it is gone."""
        claimant = self._cache.pods.get(pod)
        uid = claimant.uid if claimant else next((uid for p in pairs if (uid := _uid(p))), None)
        before = run.reported.pods.get(pod)
        if before and uid in (None, before.uid):
            return before
        found = await self._facts(pod, run)
        return PodReported(uid=found.ref.uid, sidecar=found.sidecar) if found else None

    async def _facts(self, pod: str, run: _Reconcile) -> Facts | None:
        if pod not in run.facts:
            run.facts[pod] = await self._pods.look(pod, node=run.name)
        return run.facts[pod]

    async def _pair(
        self, pair: PairStatus, pod: PodReported | None, run: _Reconcile
    ) -> PairReported:
        """Report what is due of one pair, then see whether an order is."""
        known = self._begun(pair, pod, run.reported.pair(pair.id), run)
        situation = self._situation(pair, pod, known, run)
        known = rules.without_event(situation, known)
        known = await self._report(situation, known, run)
        known = await self._loop(situation, known, run)
        known = self._by_hand(pair, pod, known, run)
        known = await self._report(situation, known, run)
        if (wait := rules.returned_wait_s(situation, known)) is not None:
            run.outcome.wake(wait)
        return known

    def _begun(
        self, pair: PairStatus, pod: PodReported | None, known: PairReported, run: _Reconcile
    ) -> PairReported:
        """Forget tries of an outage before this one, or for a pod that had the pair before."""
        before = run.reported.pods.get(pod_of(pair) or "")
        another = pod is not None and (before is None or before.uid != pod.uid)
        if not (known.tries or known.escalated):
            return known
        if not another and pair.revocations <= known.revoked:
            return known
        self._count("gone", run)
        return reannounce.forgotten(known)

    def _situation(
        self, pair: PairStatus, pod: PodReported | None, known: PairReported, run: _Reconcile
    ) -> Situation:
        phase = phase_of(pair, sidecar=pod is not None and pod.sidecar)
        waited = 0.0
        if phase in LATE or phase is VfPhase.PATIENT:
            state = (phase in LATE, pair.returns, pod_of(pair), known.tries)
            waited = self._timer.waited(run.name, pair.id, state)
        else:
            self._timer.settled(run.name, pair.id)
        order = run.announce.get(pair.id, 0)
        return Situation(pair=pair, phase=phase, order=order, waited_s=waited)

    async def _report(
        self, situation: Situation, known: PairReported, run: _Reconcile
    ) -> PairReported:
        while one := rules.next_event(situation, known):
            known = await self._write(one, situation.pair, known, run)
        return known

    async def _write(
        self, one: EventDraft, pair: PairStatus, known: PairReported, run: _Reconcile
    ) -> PairReported:
        """Write one Event; what somebody wrote before under its name counts."""
        pod = pod_of(pair)
        found = await self._facts(pod, run) if pod else None
        to = Audience(
            scope=f"{run.scope}/{pair.id}",
            node=run.node,
            pod=found.ref if found else None,
            pod_made=found.made if found else None,
            known=_lived(run.reported.pods.get(pod or ""), found),
        )
        level = await self._recorder.record(one, to)
        after = replace(known, **level)  # type: ignore[arg-type]
        return after if after != known else replace(known, **one.sets)  # type: ignore[arg-type]

    async def _loop(
        self, situation: Situation, known: PairReported, run: _Reconcile
    ) -> PairReported:
        pair, schedule = situation.pair, self._timer.schedule
        verdict = reannounce.decide(
            situation.phase, known, waited_s=situation.waited_s, schedule=schedule
        )
        if verdict.step is NextStep.WAIT:
            run.outcome.wake(verdict.wait_s)
        elif verdict.step is NextStep.ORDER:
            self._order(pair, "automatic", run)
            known = reannounce.ordered(known)
            run.outcome.wake(schedule.pauses_s[known.tries - 1])
        elif verdict.step is NextStep.ESCALATE:
            known = await self._write(rules.escalation(situation), pair, known, run)
            self._count("escalated", run)
        elif verdict.step is NextStep.FORGET:
            self._count("taken" if situation.phase is VfPhase.TAKEN else "gone", run)
            known = reannounce.forgotten(known)
        return known

    def _by_hand(
        self, pair: PairStatus, pod: PodReported | None, known: PairReported, run: _Reconcile
    ) -> PairReported:
        """Order what a person asked for by annotating the pod."""
        asked = run.asked.get(pod_of(pair) or "")
        if pod is None or asked is None or asked == pod.reannounce:
            return known
        self._order(pair, "manual", run)
        return reannounce.by_hand(known)

    def _asked(self, pods: Iterable[str]) -> Mapping[str, str]:
        known = {pod: self._cache.pods.get(pod) for pod in pods}
        return {pod: one.reannounce for pod, one in known.items() if one and one.reannounce}

    def _order(self, pair: PairStatus, whose: Reannouncement, run: _Reconcile) -> None:
        run.outcome.orders[pair.id] = run.announce.get(pair.id, 0) + 1
        self._count(whose, run)

    def _count(self, result: Reannouncement, run: _Reconcile) -> None:
        run.outcome.counted.append(lambda: self._meter.reannounced(result))

    async def _condition(
        self, pod: str, before: PodReported, pairs: list[PairStatus], run: _Reconcile
    ) -> PodReported:
        """Have the pod's condition say how its pairs are; a namesake counts as another pod."""
        shown = self._shown.setdefault(run.name, {})
        wanted = accelerated(pairs, sidecar=before.sidecar)
        if shown.get(before.uid) != wanted:
            shown.pop(before.uid, None)  # whoever fails below looks at the pod again
            if found := await self._facts(pod, run):
                if found.ref.uid != before.uid:
                    before = PodReported(uid=found.ref.uid, sidecar=found.sidecar)
                    wanted = accelerated(pairs, sidecar=before.sidecar)
                if not found.shows(wanted):
                    await self._pods.show(found, wanted)
                shown[before.uid] = wanted
        return replace(before, reannounce=run.asked.get(pod) or before.reannounce)


def _lived(before: PodReported | None, now: Facts | None) -> bool:
    """Tell whether it is the pod that was there when the node was looked at before."""
    return before is not None and now is not None and before.uid == now.ref.uid


def _node(there: Object) -> Ref:
    """Events regard the Node that the NetvscNode says it is of, else the NetvscNode itself.

    Not what is known of Nodes: who starts anew knows that sooner or later than who reported before.
    """
    meta = there["metadata"]
    for owner in meta.get("ownerReferences") or []:
        if owner.get("kind") == "Node":
            return Ref(kind="Node", name=owner["name"], uid=owner["uid"])
    api = NETVSC_NODES.api_version
    return Ref(kind="NetvscNode", name=meta["name"], uid=meta["uid"], api_version=api)


def _by_pod(pairs: tuple[PairStatus, ...]) -> dict[str, list[PairStatus]]:
    found: dict[str, list[PairStatus]] = {}
    for pair in pairs:
        if pod := pod_of(pair):
            found.setdefault(pod, []).append(pair)
    return found


def _uid(pair: PairStatus) -> str | None:
    return pair.allocation.uid if pair.allocation else None
