"""The agent dies at every step of ADD and of DEL, one after the other: nothing is half or lost."""

import os
import secrets
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from netvsc_deviceplugin.cni.attach.checkpoint import ContainerPhase
from netvsc_deviceplugin.cni.attach.records import Want
from sim.cni.calls import CniHost, Place, Pod, id_of
from sim.cni.death import Fate, Killed, mortal

SOAK = os.environ.get("NETVSC_SOAK") == "1"
SEED = int(os.environ.get("NETVSC_SEED") or secrets.randbelow(10**9))
WANTS = [Want(id=id_of(1), interface="netvsc0"), Want(id=id_of(2), interface="netvsc1")]


def whole(cni: CniHost, pod: Pod) -> str:
    """Say where both pairs are; fails if one is half, lost, or misnamed."""
    if all(cni.inside(n, pod, name=f"netvsc{n - 1}") for n in (1, 2)):
        return "in"
    assert cni.on_host(1, pod), cni.places(1, pod)
    assert cni.on_host(2, pod), cni.places(2, pod)
    assert cni.altnames() == set()
    return "home"


def die(cni: CniHost, pod: Pod, *, at: int, verb: str) -> bool:
    """Run a verb in an agent that dies at a moment; tell whether that moment came."""
    fate = Fate(at)
    agent = mortal(cni, fate)
    with suppress(Killed):
        if verb == "ADD":
            agent.add(pod.target(), WANTS)
        elif verb == "RESTORE":
            agent.restore()
        else:
            agent.delete(pod.container, netns=pod.path)
        return False
    return True


def has_a_checkpoint_if_anything_is_inside(cni: CniHost, pod: Pod) -> None:
    """Without the agent, DEL fails where a checkpoint is: no netns dies with a pair inside."""
    places = [place for n in (1, 2) for place in cni.places(n, pod)]
    if any(place and place.netns == pod.netns for place in places):
        assert cni.checkpoints.get(pod.container)


def test_killed_at_every_step_of_add_a_new_agent_leaves_nothing_half() -> None:
    with CniHost(2) as cni:
        pod, at, ends = cni.pod(), 1, []
        while die(cni, pod, at=at, verb="ADD"):
            has_a_checkpoint_if_anything_is_inside(cni, pod)
            cni.restarted(patience=0.001).restore()
            ends.append(whole(cni, pod))
            cni.attachments.delete(pod.container, netns=pod.path)
            assert whole(cni, pod) == "home"
            at += 1
        assert ends.count("in") == 1  # after the last deed of all, which says that it is done
        assert len(ends) > 20


def test_killed_at_every_step_of_del_a_new_agent_brings_all_home() -> None:
    with CniHost(2) as cni:
        pod, at, ends = cni.pod(), 1, []
        cni.attachments.add(pod.target(), WANTS)
        while die(cni, pod, at=at, verb="DEL"):
            has_a_checkpoint_if_anything_is_inside(cni, pod)
            cni.restarted(patience=0.001).restore()
            ends.append(whole(cni, pod))
            cni.attachments.add(pod.target(), WANTS)
            at += 1
        assert ends.count("in") == 1  # before its first deed, which says that it has begun
        assert whole(cni, pod) == "home"


@pytest.mark.parametrize("verb", ["RESTORE", "DEL"])
def test_killed_at_every_step_a_vf_goes_home_under_its_own_name_and_not_the_one_befores(
    verb: str,
) -> None:
    """It came while its pair was inside: brought in, or moved back, by whom dies over it."""
    with CniHost() as cni:
        pod, at, dies = cni.pod(), 1, True
        while dies:
            cni.add(pod, 1)
            cni.revoke_in(1, pod)
            cni.return_home(1, name=f"vfcame{at}")
            if verb == "DEL":
                cni.attachments.restore()
            dies = die(cni, pod, at=at, verb=verb)
            cni.restarted(patience=0.001).restore()
            cni.attachments.delete(pod.container, netns=pod.path)
            assert cni.places(1)[1] == Place(None, f"vfcame{at}", up=True)
            at += 1
        assert at > 4


def test_a_killed_add_can_be_deleted_and_added_again_before_anything_was_mended() -> None:
    with CniHost(2) as cni:
        pod = cni.pod()
        for at in range(2, 30, 9):
            die(cni, pod, at=at, verb="ADD")
            cni.restarted(patience=0.001)
            cni.attachments.delete(pod.container, netns=pod.path)
            assert whole(cni, pod) == "home"
            cni.attachments.add(pod.target(), WANTS)
            assert whole(cni, pod) == "in"
            cni.attachments.delete(pod.container, netns=pod.path)


def test_markers_are_for_root_alone() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        folder = cni.state / "containers"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / pod.container).stat().st_mode & 0o777 == 0o600
        assert [(m.phase, m.netns) for m in cni.checkpoints.all()] == [
            (ContainerPhase.INSIDE, pod.path)
        ]


def test_a_checkpoint_that_makes_no_sense_still_says_that_something_is_inside() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        (cni.state / "containers" / pod.container).write_text("{")
        cni.attachments.restore()
        assert cni.inside(1, pod)
        assert cni.checkpoints.get(pod.container)
        cni.attachments.delete(pod.container, netns=pod.path)
        assert cni.on_host(1, pod)
        assert list(cni.checkpoints.all()) == []


def test_pairs_come_home_even_where_the_agents_memory_is_lost() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        (cni.state / "containers" / pod.container).unlink()
        cni.attachments.delete(pod.container, netns=pod.path)
        assert cni.on_host(1, pod)


class Life(RuleBasedStateMachine):
    """Random ADD, DEL, revocations, returns and deaths of the agent, on the real kernel."""

    steps = 0

    @initialize()
    def begin(self) -> None:
        self.cni = CniHost(2)
        self.pods = [self.cni.pod(), self.cni.pod()]
        self.away: set[int] = set()

    def teardown(self) -> None:
        if hasattr(self, "cni"):
            self.cni.__exit__(None, None, None)

    @rule(pair=st.sampled_from([1, 2]), pod=st.sampled_from([0, 1]), at=st.integers(1, 60))
    def add(self, pair: int, pod: int, at: int) -> None:
        """Killed at a moment, or not at all: there are about 30."""
        wants = [Want(id=id_of(pair), interface=f"netvsc{pair}")]
        with suppress(Killed):
            mortal(self.cni, Fate(at)).add(self.pods[pod].target(), wants)

    @rule(pod=st.sampled_from([0, 1]), at=st.integers(1, 60))
    def delete(self, pod: int, at: int) -> None:
        one = self.pods[pod]
        with suppress(Killed):
            mortal(self.cni, Fate(at)).delete(one.container, netns=one.path)

    @precondition(lambda self: len(self.away) < 2)
    @rule(pair=st.sampled_from([1, 2]))
    def revoke(self, pair: int) -> None:
        if pair in self.away:
            return
        _, vf = self.cni.places(pair, *self.pods)
        assert vf
        at = next((pod for pod in self.pods if pod.netns == vf.netns), None)
        ip = at.ip if at else self.cni.host.ip
        ip.delete(ip.index(vf.name))
        self.away.add(pair)

    @precondition(lambda self: bool(self.away))
    @rule(name=st.sampled_from(["vf1", "vf2", "eth1", "eth2", "eth9"]))
    def come_back(self, name: str) -> None:
        pair = self.away.pop()
        taken = self.cni.host.ip.has(name)
        self.cni.return_home(pair, name=f"back{pair}" if taken else name)

    @invariant()
    def every_pair_is_whole_once_an_agent_has_looked(self) -> None:
        Life.steps += 1
        agent = self.cni.restarted(patience=0.001)
        agent.restore()
        for pair in (1, 2):
            netvsc, vf = self.cni.places(pair, *self.pods)
            assert netvsc
            assert netvsc.up
            assert bool(vf) == (pair not in self.away)
            assert not vf or vf.netns == netvsc.netns
            held = {m.netns: m.phase for m in self.cni.checkpoints.all() if m.pair(id_of(pair))}
            path = f"/run/netns/{netvsc.netns}"
            assert held == ({path: ContainerPhase.INSIDE} if netvsc.netns else {})
            assert netvsc.name == (f"netvsc{pair}" if netvsc.netns else f"eth{pair}")


def test_whatever_happens_no_pair_is_half_or_lost_or_misnamed() -> None:
    """Some 150 steps, 1,000 in a soak; NETVSC_SEED=<what is printed> repeats a run."""
    print(f"NETVSC_SEED={SEED}")
    run_state_machine_as_test(
        seed(SEED)(Life),
        settings=settings(
            max_examples=25 if SOAK else 8,
            stateful_step_count=50 if SOAK else 25,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Stage.generate],  # a shrink takes minutes of moves
        ),
    )
    print(f"{Life.steps} steps")
    assert Life.steps >= (1000 if SOAK else 100)
