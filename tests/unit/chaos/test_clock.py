"""The wall clock may be set while we run: nothing is lost by it, and no outage takes a day."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netvsc.encoding.timestamps import to_text
from netvsc.model.pair import Path, VfSeen
from netvsc.model.status import AgentStatus, NodeStatus, PairStatus, Summary
from netvsc_deviceplugin.concurrency.wallclock import WallClock, boot
from netvsc_deviceplugin.netvscnode import restore
from netvsc_operator.certificates import x509
from netvsc_operator.certificates.plan import (
    Desired,
    Issue,
    KeepBundle,
    MakeAuthority,
    NothingDue,
    Observed,
    Publish,
    next_step,
)
from netvsc_operator.certificates.x509 import KeyPair, issue, new_authority, validity

DAY = 86_400.0
NOON = 1_800_000_000.0
ETH1, ETH2 = "00-0d-3a-c0-00-11", "00-0d-3a-c0-00-12"


@dataclass
class Clocks:
    """A machine's two clocks, of which one is set now and then."""

    monotonic: float = 1000.0
    set_by: float = 0.0

    def wall(self) -> float:
        return NOON + self.monotonic + self.set_by

    def wallclock(self) -> WallClock:
        return WallClock(clock=lambda: self.monotonic, wall=self.wall)


@given(
    jumps=st.lists(
        st.tuples(st.sampled_from([ETH1, ETH2]), st.sampled_from([-DAY, 0.0, DAY])), max_size=20
    )
)
def test_a_return_is_never_dated_before_its_revocation_and_takes_as_long_as_it_took(
    jumps: list[tuple[str, float]],
) -> None:
    clocks = Clocks()
    wallclock = clocks.wallclock()
    began: dict[str, tuple[float, float]] = {}
    for pair, jump in jumps:
        clocks.monotonic += 7.0
        if pair in began:
            moment, revoked = began.pop(pair)
            returned = wallclock.of(pair, clocks.monotonic)
            assert returned - revoked == pytest.approx(clocks.monotonic - moment, abs=1e-3)
        else:
            wallclock.begin(pair)
            began[pair] = clocks.monotonic, wallclock.of(pair, clocks.monotonic)
        clocks.set_by += jump


def test_an_outage_is_dated_by_the_clock_of_when_it_began() -> None:
    clocks = Clocks()
    wallclock = clocks.wallclock()
    clocks.set_by = DAY
    wallclock.begin(ETH1)
    assert wallclock.of(ETH1, clocks.monotonic) == clocks.wall()


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_an_agent_that_starts_anew_after_the_clock_was_set_goes_on_with_the_same_outage(
    jump: float,
) -> None:
    clocks = Clocks()
    before = clocks.wallclock()
    before.begin(ETH1)
    away = status(to_text(before.of(ETH1, clocks.monotonic)))
    began = clocks.monotonic
    clocks.set_by, clocks.monotonic = jump, clocks.monotonic + 12.0

    after = clocks.wallclock()
    after.restore(before.distances())
    assert restore.past(away, after.moment)[ETH1].away == pytest.approx(began, abs=1e-3)


def test_without_what_was_kept_an_outage_does_not_begin_in_the_future() -> None:
    clocks = Clocks()
    away = status(to_text(NOON + clocks.monotonic))
    clocks.set_by = -DAY
    assert restore.past(away, clocks.wallclock().moment)[ETH1].away == clocks.monotonic


def test_a_boot_of_the_machine_has_a_name() -> None:
    assert boot() == boot()
    assert len(boot()) == 36


def status(last_revoked: str) -> NodeStatus:
    pair = PairStatus(
        id=ETH1,
        netvsc="eth1",
        pool="pair",
        resource="netvsc.io/pair",
        path=Path.SYNTHETIC,
        vf_seen=VfSeen.LOST,
        revocations=1,
        last_revoked=last_revoked,
    )
    return NodeStatus(
        agent=AgentStatus(version="1", started=to_text(NOON)),
        summary=Summary(pairs=1, free=1, on_vf=0, revoked24h=1),
        pairs=(pair,),
    )


# ---- certificates ----

WANTED = Desired(names=("netvsc-webhook.netvsc-system.svc",))


class Keeper:
    """What the controller keeps, its writes counted."""

    def __init__(self) -> None:
        self.authority: KeyPair | None = None
        self.serving: KeyPair | None = None
        self.trusted = ""
        self.told = ("",)
        self.told_at: float | None = None
        self.made = 0

    def level(self, now: float) -> None:
        for _ in range(10):
            seen = Observed(
                authority=self.authority,
                trusted=self.trusted,
                serving=self.serving,
                published=self.told,
                published_since=self.told_at,
            )
            if isinstance(step := next_step(seen, WANTED, now=now), NothingDue):
                return
            self._take(step, now)
        raise AssertionError("it never rests")

    def _take(self, step: Publish | MakeAuthority | KeepBundle | Issue, now: float) -> None:
        match step:
            case Publish(bundle):
                self.told, self.told_at = (bundle,), now
            case MakeAuthority(trusted):
                self.authority, self.made = new_authority(now=now), self.made + 1
                self.trusted = x509.bundle(self.authority.certificate, trusted, now=now)
            case KeepBundle(bundle):
                self.trusted = bundle
            case Issue(authority):
                self.serving = issue(authority, names=WANTED.names, now=now)
                self.made += 1


@settings(max_examples=20)
@given(jumps=st.lists(st.sampled_from([-DAY, 0.0, DAY]), min_size=1, max_size=30))
def test_no_certificate_is_made_anew_because_the_clock_was_set(jumps: list[float]) -> None:
    keeper = Keeper()
    keeper.level(NOON)
    for jump in jumps:
        keeper.level(NOON + jump)
    assert keeper.made == 2


@pytest.mark.parametrize("set_by", [-DAY, DAY])
def test_what_was_made_while_the_clock_was_wrong_by_a_day_is_good_when_it_is_right(
    set_by: float,
) -> None:
    keeper = Keeper()
    keeper.level(NOON + set_by)
    assert keeper.serving is not None
    made = validity(keeper.serving.certificate)
    assert made is not None
    assert made.begins < NOON < made.ends
