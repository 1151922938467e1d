"""A whole run: acts of storms and quiets, and what is found out in between."""

from __future__ import annotations

import pprint
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cluster.chaos import baseline, heal, observe, quiet
from cluster.chaos.actions import Actions
from cluster.chaos.baseline import Since
from cluster.chaos.growth import Usage, judge_growth
from cluster.chaos.host import Host
from cluster.chaos.journal import Journal
from cluster.chaos.reads import Window
from cluster.chaos.seen import Broken, Invariant, Snapshot
from cluster.chaos.stage import Stage
from cluster.chaos.steps import APPLICATIONS, Role
from cluster.chaos.storm import play
from cluster.chaos.telling import Event, judge_counts, judge_events, judge_pods
from cluster.chaos.watch import Watch
from cluster.deployments.simulated_nics import NICS

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.chaos.quiet import Quiet
    from cluster.chaos.steps import Act, Round
    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster


class ChaosError(AssertionError):
    """Something did not hold; the message has all that is known."""


@dataclass
class Figures:
    """What a run was like. `stale` counts reads within the two windows of docs/fdpipe.md."""

    quiets: list[float] = field(default_factory=list)
    looks: int = 0
    healed: int = 0
    stale: Counter[Window] = field(default_factory=Counter)
    usage: list[Usage] = field(default_factory=list)


class Run:
    def __init__(self, cluster: Cluster, namespace: str, nics: Nics, *, seed: int) -> None:
        self.figures = Figures()
        self.journal = Journal()
        self.stage = Stage(cluster, namespace, nics)
        self.host = Host(nics, NICS)
        self._seed = seed
        self._cluster = cluster
        self._stale: Counter[Window] = Counter()  # of the act that is on
        self._actions = Actions(self.stage, self.host, self.journal)
        self._settle("before", lambda _: [])
        baseline.wait_level(cluster)
        self._start = Since.of(observe.snapshot(self.stage), self.host)
        self._before = max((at for at, _ in observe.events(cluster)), default="")

    def play(self, acts: tuple[Act, ...]) -> None:
        for number, act in enumerate(acts):
            spared = ", ".join(sorted(act.spared))
            self.journal.note(f"==== act {number}, {len(act.rounds)} storms; spared: {spared}")
            self._act(act)
        self._check([*judge_growth(self.figures.usage)])

    def _act(self, act: Act) -> None:
        opened = self.open()
        for number, storm in enumerate(act.rounds):
            self.journal.note(f"---- storm {number}")
            self._storm(storm)
            self._quiet(act, opened)
        self._close(act, opened)

    def open(self) -> Since:
        """The act's pods are made; from here on their lives and what they are told counts."""
        self.stage.open()
        self._settle("pods made", self._births)
        baseline.wait_level(self._cluster)
        return Since.of(observe.snapshot(self.stage), self.host)

    def _births(self, seen: Snapshot) -> list[Broken]:
        self.stage.born = dict(seen.lives)
        missing = [role for role in APPLICATIONS if role not in seen.lives]
        return [Broken(invariant=Invariant.APPLICATION, what=f"no {role}") for role in missing]

    def _storm(self, storm: Round) -> None:
        with Watch(self.stage, self.host) as watch:
            play(storm, self._actions.do)
            self.journal.note("storm over")
            quiet.back_at_work(self.stage)
            while self.stage.replace_denied():
                self.journal.did("pod denied", "a kubelet that had just started denied the spare")
            quiet.networks_gone(self.stage)
        self.figures.looks += watch.looks
        self._check(watch.broken)

    def _quiet(self, act: Act, opened: Since) -> None:
        self.stage.records.collect()
        self._judge_reads()
        if place := heal.witness(self.stage, self.host):
            self._healed(Role.WITNESS, place)
        self._settle_with_forwarder(lambda seen: self._told(seen, act, opened))
        self.stage.records.collect()
        self._judge_reads()
        self.figures.usage += quiet.usages(self.stage)

    def _close(self, act: Act, opened: Since) -> None:
        """The pods go, all pairs come home."""
        for nic in self.stage.nics.values():
            self.host.give(nic, 0)
        self._quiet(act, opened)
        self.figures.stale += self._stale
        self.stage.close()
        quiet.networks_gone(self.stage)
        self._settle("all pods gone", lambda seen: self._counts(seen, act, opened))

    # ---- judging ----

    def _settle_with_forwarder(self, more: Callable[[Snapshot], list[Broken]]) -> None:
        """testpmd does not say what it read: that it is cured tells that it had to be."""
        found = self._looked(more)
        places = heal.forwarder_candidates(self.stage, self.host) if found.broken else []
        nic = self.stage.nics[Role.FORWARDER]
        for place in places if self.host.vf(nic) else []:
            self._healed(Role.FORWARDER, place)
            heal.forwarder(self.stage, self.host, place)
            found = self._looked(more)
            if not found.broken:
                break
        self._settled("quiet", found)

    def _settle(self, what: str, more: Callable[[Snapshot], list[Broken]]) -> None:
        self._settled(what, self._looked(more))

    def _looked(self, more: Callable[[Snapshot], list[Broken]]) -> Quiet:
        return quiet.settle(self.stage, self.host, more)

    def _settled(self, what: str, found: Quiet) -> None:
        self.figures.quiets.append(found.took)
        self.journal.note(
            f"{what}: after {found.took:.2f} s {'BROKEN' if found.broken else 'right'}"
        )
        self._check([*found.broken], found.last)

    def _told(self, seen: Snapshot, act: Act, opened: Since) -> list[Broken]:
        counted = opened.counted(seen, self.host, exact=self._exact(act))
        roles = {self.stage.nics[role].id: role for role in APPLICATIONS}
        of_pods = {
            self.stage.uids[roles[one.id]]: one.revocations for one in counted if one.id in roles
        }
        return [*self._counts(seen, act, opened), *judge_pods(of_pods, self._events())]

    def _counts(self, seen: Snapshot, act: Act, opened: Since) -> list[Broken]:
        counted = opened.counted(seen, self.host, exact=self._exact(act))
        whole = self._start.counted(seen, self.host, exact=())
        return [*judge_counts(counted), *judge_events(whole, self._events())]

    def _exact(self, act: Act) -> frozenset[str]:
        """Return the pairs of which every revocation must be counted.

        Not the spare one: a VF that comes and goes within a move of its pair may be seen by nobody.
        """
        roles = APPLICATIONS if act.agent_spared else ()
        return frozenset(self.stage.nics[role].id for role in roles)

    def _events(self) -> list[Event]:
        found = observe.events(self._cluster)
        return [event for at, event in found if at > self._before]

    def _judge_reads(self) -> None:
        judged = heal.judged(self.stage, self.host)
        self._stale = Counter(why for _, why in judged)
        self._check(
            [
                Broken(invariant=Invariant.ANNOUNCEMENT, what=f"the witness read {read}: {why}")
                for read, why in judged
                if why is Window.OUTSIDE
            ]
        )

    def _healed(self, role: Role, place: str) -> None:
        self.figures.healed += 1
        self.journal.did("healed", f"{role} waits for {place}: there the VF comes back")

    def _check(self, broken: list[Broken], seen: Snapshot | None = None) -> None:
        if not broken:
            return
        raise ChaosError(self.report(broken, seen or observe.snapshot(self.stage)))

    def report(self, broken: list[Broken], seen: Snapshot) -> str:
        """Everything that somebody needs who was not there."""
        parts = [f"NETVSC_SEED={self._seed}", *(str(one) for one in broken)]
        parts += ["what was done:", self.journal.text(), "what was seen:", pprint.pformat(seen)]
        return "\n".join(parts)
