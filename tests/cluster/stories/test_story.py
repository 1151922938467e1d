"""What a user does, from `helm install` to the pod's end, while the host does its worst."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import pytest

from cluster import testpmd
from cluster.deployments.agent_only import checkpoints, wait_allocatable
from cluster.deployments.simulated_nics import NICS
from cluster.harness.wait import until
from cluster.monitoring.prometheus import scraping
from cluster.pods import Pods
from cluster.stories.deaths import LONG, SHORT, Deaths, Victim
from cluster.stories.story import HOME_SLOT, PAIR, SLOTS, Story, forwarder, timed, took

if TYPE_CHECKING:
    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from cluster.monitoring.prometheus import Prometheus

pytestmark = pytest.mark.cluster

SOAK = os.environ.get("NETVSC_SOAK") == "1"
AGENT = "127.0.0.1:9470"
REVOCATIONS = "netvsc_vf_revocations_total{PAIR}"
OUTAGES, AWAY_S = "netvsc_vf_outage_seconds_count", "netvsc_vf_outage_seconds_sum"
COUNTED = (REVOCATIONS, OUTAGES, AWAY_S)
ABSENCES = (0.0, 0.05, 0.3, 1.0, 3.0)  # seconds
PATIENCE_S = 60  # the kubelet's back-off is part of it


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    cluster.image(testpmd.IMAGE, testpmd.files())
    return Pods(cluster, namespace)


def test_a_pod_forwards_through_a_revocation_and_a_return_and_everybody_can_see_it(
    cluster: Cluster, whole: Nics, pods: Pods
) -> None:
    wait_allocatable(cluster, PAIR, len(NICS))
    with timed("pod created → Ready, without a pair"):
        pods.start(forwarder("plain", pairs=0))
    story = _start(cluster, whole, pods)

    with scraping(cluster, {"agent": [AGENT]}) as metrics:
        told = Told(metrics, pair=story.vf.id)
        _revoke(story)
        _sees_synthetic(story, told)
        _return(story, slot=5)
        _sees_outage(story, told)

    assert story.same_application()
    _end(cluster, whole, pods, story)


def test_a_pod_forwards_whoever_dies_while_its_vf_comes_and_goes(
    cluster: Cluster, whole: Nics, pods: Pods
) -> None:
    seed = int(os.environ.get("NETVSC_SEED") or random.SystemRandom().randrange(10**6))
    print(f"NETVSC_SEED={seed}")
    dice = random.Random(seed)
    rounds = list(LONG if SOAK else SHORT)
    dice.shuffle(rounds)
    story = _start(cluster, whole, pods)
    story.wait_condition("True")
    before = story.status()

    deaths = Deaths(cluster)
    for number, victims in enumerate(rounds):
        chance = _chosen(dice, story)
        told = f"round {number}: {', '.join(victims) or 'nobody'} dies {chance.moment}"
        with timed(f"{told}, slot {chance.slot}, away for {chance.absence:g} s"):
            _round(story, deaths, chance, victims)

    after = story.status()
    for counted in ("revocations", "returns"):
        assert after[counted] - before[counted] == len(rounds), counted
    for alarm in ("ApplicationNotListening", "SidecarNotListening"):
        assert not story.told(alarm)
    _end(cluster, whole, pods, story)


class Moment(StrEnum):
    BEFORE = "before the revocation"
    AWAY = "while the VF is away"
    BACK = "at its return"


@dataclass(frozen=True, slots=True)
class Chance:
    moment: Moment
    absence: float
    slot: int


def _chosen(dice: random.Random, story: Story) -> Chance:
    others = [slot for slot in SLOTS if slot != story.vf.slot]
    return Chance(dice.choice([*Moment]), dice.choice(ABSENCES), dice.choice(others))


def _start(cluster: Cluster, nics: Nics, pods: Pods) -> Story:
    with timed("pod created → Ready, with a pair"):
        pods.start(forwarder())
    since = time.monotonic()
    story = Story(cluster, nics, pods)
    assert story.forwards_on_vf()
    took("Ready → forwarding on the VF", since)
    assert {"netvsc0", story.vf.vf} <= story.inside()
    assert not {story.vf.name, story.vf.vf} & nics.on_host().keys()
    return story


def _revoke(story: Story) -> None:
    story.wait_condition("True")
    since = time.monotonic()
    story.revoke()
    assert story.forwards_on_fallback()
    took("revocation → forwarding on the fallback", since)
    story.wait_condition("False")
    took("revocation → condition in kubectl", since)
    story.wait_reason("VFRevoked")
    assert story.vf.pci in story.wait_told("VFRevoked")


class Told:
    """What Prometheus has heard of a pair since the beginning."""

    def __init__(self, metrics: Prometheus, *, pair: str) -> None:
        self._metrics = metrics
        self._pair = pair
        until(metrics.targets_up, what="Prometheus to find the agent", seconds=20, pause=0.1)
        self._before = {query: self._value(query) for query in COUNTED}

    def becomes(self, query: str, wanted: float) -> None:
        what = f"Prometheus to answer {wanted:g} to {query}"
        until(lambda: self.since(query) == wanted, what=what, seconds=10, pause=0.2)

    def since(self, query: str) -> float:
        return self._value(query) - self._before.get(query, 0.0)

    def _value(self, query: str) -> float:
        return self._metrics.value(query.replace("PAIR", f'pair="{self._pair}"')) or 0.0


def _sees_synthetic(story: Story, told: Told) -> None:
    status = story.wait_status(path="Synthetic", announcement="Away")
    assert "vf" not in status
    assert status["lastVf"]["pci"] == story.vf.pci
    told.becomes(REVOCATIONS, 1)
    told.becomes('netvsc_pair_path{PAIR,path="Synthetic"}', 1)


def _return(story: Story, *, slot: int) -> None:
    was = story.vf.pci
    story.give(slot)
    since = time.monotonic()
    assert story.forwards_on_vf()
    took("VF back in the host's network, in another slot → forwarding", since)
    story.wait_condition("True")
    took("VF back → condition in kubectl", since)
    assert story.vf.vf in story.inside()
    note = story.wait_told("VFAddressChanged")
    assert was in note
    assert story.vf.pci in note


def _sees_outage(story: Story, told: Told) -> None:
    status = story.wait_status(path="VF", announcement="Taken")
    outage = status["lastOutageSeconds"]
    assert f"came back after {outage:.1f} s; the application took it" in story.wait_told(
        "VFReturned"
    )
    told.becomes(OUTAGES, 1)
    assert told.since(AWAY_S) == pytest.approx(outage, abs=0.05)
    told.becomes('netvsc_pair_path{PAIR,path="VF"}', 1)


def _round(story: Story, deaths: Deaths, chance: Chance, victims: frozenset[Victim]) -> None:
    """One revocation and a return to another slot; somebody dies at some moment of it."""
    if chance.moment is Moment.BEFORE:
        deaths.strike(victims)
    story.revoke()
    if chance.moment is Moment.AWAY:
        deaths.strike(victims)
    assert story.forwards_on_fallback()
    time.sleep(chance.absence)  # nobody's event: how long the host is busy
    story.give(chance.slot)
    since = time.monotonic()
    if chance.moment is Moment.BACK:
        deaths.strike(victims)
    what = f"frames over the VF in slot {chance.slot}"
    until(story.forwards_on_vf, what=what, seconds=PATIENCE_S)
    took("  back → forwarding", since)
    deaths.over()
    story.wait_status(path="VF", announcement="Taken")
    story.wait_condition("True")
    assert story.same_application()


def _end(cluster: Cluster, nics: Nics, pods: Pods, story: Story) -> None:
    """The pod goes; its pair is at home under its old names, and the next one may have it."""
    since = time.monotonic()
    cluster.kubectl("delete", "pods", "--all", "-n", pods.namespace, "--wait")
    home = {story.vf.name, story.vf.vf}
    until(lambda: home <= nics.on_host().keys(), what=f"{home} at home", seconds=30, pause=0.1)
    took("pod deleted → pair at home", since)
    until(lambda: not checkpoints(cluster), what="no container with a pair", seconds=30, pause=0.1)
    wait_allocatable(cluster, PAIR, len(NICS))
    took("pod deleted → allocatable", since)
    story.wait_free()
    took("pod deleted → free in NetvscNode", since)
    # As the next test expects it.
    story.revoke()
    story.give(HOME_SLOT)
