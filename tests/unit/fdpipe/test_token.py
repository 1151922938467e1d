"""The writer's protocol, the code that is shipped, against a model of DPDK's fail-safe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from sim.sidecar.machines import Act, Token, Why
from sim.sidecar.pipe_model import POLL, Window, World

ADDRESSES = st.sampled_from(["9b33:00:02.0", "9b33:00:03.0", "d5f1:00:02.0"])
SHORT = st.integers(0, 4 * POLL)
STAY = st.integers(2 * POLL + 1, 8 * POLL)  # longer than two polls: the promise's condition
INIT = st.integers(1, 6 * POLL)  # from the launcher's open to the first read
CALM = st.lists(
    st.one_of(
        st.tuples(st.just("migrate"), SHORT, ADDRESSES),
        st.tuples(st.just("kill"), SHORT, STAY),
        st.tuples(st.just("kill at the removal"), SHORT, ADDRESSES),
        st.tuples(st.just("restart application"), SHORT, INIT),
        st.tuples(st.just("order"), SHORT, STAY),
        st.tuples(st.just("burst"), STAY, ADDRESSES),
    ),
    max_size=25,
)
WILD = st.lists(
    st.one_of(
        st.tuples(st.just("give"), ADDRESSES),
        st.tuples(st.just("revoke"), st.none()),
        st.tuples(st.just("burst"), ADDRESSES),
        st.tuples(st.just("cut"), st.none()),
        st.tuples(st.just("kill"), st.none()),
        st.tuples(st.just("start writer"), st.none()),
        st.tuples(st.just("stop application"), st.none()),
        st.tuples(st.just("start application"), INIT),
        st.tuples(st.just("order"), st.none()),
        st.tuples(st.just("refuse"), st.integers(1, 3)),
        st.tuples(st.just("wait"), SHORT),
    ),
    max_size=60,
)


def running(address: str = "9b33:00:02.0") -> World:
    world = World()
    world.start_writer()
    world.start_application(1)
    world.give(address)
    world.advance(3 * POLL)
    return world


def settle(world: World) -> None:
    """What follows is quiet: everybody is there, and the VF stays."""
    world.start_writer()
    world.start_application(1)
    world.refuses = 0
    world.give("9b33:00:02.0")
    world.advance(60 * POLL)


def play_calm(world: World, what: str, time: int, more: int | str) -> None:
    if what in ("migrate", "kill at the removal"):
        if what != "migrate":
            world.kill_writer()
        world.revoke()
        world.advance(time)
        world.start_writer()
        world.give(str(more))
        if what != "migrate":
            world.advance(POLL)  # a new writer learns by the token that somebody is there
    elif what == "burst":
        world.flap(str(more))
        world.advance(time)
    elif what == "kill":
        world.kill_writer()
        world.advance(time)
        world.start_writer()
        world.advance(int(more))
    elif what == "order":
        world.order()
        world.advance(int(more))
    else:
        world.stop_application()
        world.advance(time)
        world.start_application(int(more))
        world.advance(int(more))  # its first read is the first event that an offer can follow


@given(CALM, st.lists(STAY, min_size=25, max_size=25))
@settings(max_examples=400)
def test_an_application_is_never_poisoned_while_each_vf_stays_two_polls(
    history: list[tuple[str, int, int | str]], stays: list[int]
) -> None:
    world = running()
    for (what, time, more), stay in zip(history, stays, strict=False):
        play_calm(world, what, time, more)
        world.advance(stay)
        assert world.stale == []
    settle(world)
    assert world.plugged()


@given(WILD)
@settings(max_examples=800)
def test_every_stale_read_falls_into_one_of_the_two_windows(
    history: list[tuple[str, int | str | None]],
) -> None:
    world = running()
    play: dict[str, Callable[[Any], None]] = {
        "give": world.give,
        "revoke": lambda _: world.revoke(),
        "burst": world.flap,
        "cut": lambda _: setattr(world, "cut", True),
        "kill": lambda _: world.kill_writer(),
        "start writer": lambda _: world.start_writer(),
        "stop application": lambda _: world.stop_application(),
        "start application": world.start_application,
        "order": lambda _: world.order(),
        "refuse": lambda count: setattr(world, "refuses", count),
        "wait": world.advance,
    }
    for what, more in history:
        play[what](more)
    assert Window.OUTSIDE not in world.stale
    world.cut = False
    if world.reader and world.reader.poisoned:  # its cure is that very address, or a restart
        cure = world.reader.accepted or ""
        world.revoke()
        world.start_writer()
        world.give(cure)
        world.advance(60 * POLL)
    else:
        settle(world)
    assert world.plugged()


def test_both_windows_are_real() -> None:
    world = World()
    world.start_writer()
    world.start_application(1)
    world.advance(2)
    world.give("9b33:00:02.0")
    world.kill_writer()
    world.revoke()
    world.advance(POLL)
    assert world.stale == [Window.WRITER_DEAD]

    world = World()
    world.start_writer()
    world.start_application(1)
    world.advance(2)
    world.give("9b33:00:02.0")
    world.cut = True
    world.advance(POLL)
    assert world.stale == [Window.IN_PROBE]


def test_a_fresh_pipe_holds_the_token_alone() -> None:
    token = Token(poll=POLL)
    assert token.step(1, offer=0, reader=False, empty=True) == [Act.CANCEL]
    assert token.why is Why.START
    assert token.step(2, offer=0, reader=False, empty=False) == []
    assert token.deadline == 0


def test_an_address_is_offered_only_after_the_token_was_taken() -> None:
    token = Token(poll=POLL)
    token.step(1, offer=1, reader=True, empty=True)
    assert token.step(2, offer=1, reader=True, empty=False) == []
    assert token.step(3, offer=1, reader=True, empty=True) == [Act.HUNGRY, Act.LINE]
    assert token.step(4, offer=1, reader=True, empty=True) == [Act.TAKEN]


def test_the_token_comes_back_only_when_the_reader_has_surely_stopped_reading() -> None:
    """It reads until nothing is left and the last line wins: a token would take the line back."""
    token = Token(poll=POLL)
    token.step(1, offer=1, reader=True, empty=True)
    token.step(3, offer=1, reader=True, empty=True)
    assert token.step(4, offer=1, reader=True, empty=True) == [Act.TAKEN]
    assert token.deadline == 4 + POLL
    assert token.step(3 + POLL, offer=1, reader=True, empty=True) == []
    assert token.step(4 + POLL, offer=1, reader=True, empty=True) == [Act.TOKEN]
    assert token.deadline == 0


def test_a_vf_that_is_back_before_the_token_is_offered_all_the_same() -> None:
    token = Token(poll=POLL)
    token.step(1, offer=1, reader=True, empty=True)
    token.step(3, offer=1, reader=True, empty=True)
    token.step(4, offer=1, reader=True, empty=True)
    assert token.step(5, offer=0, reader=True, empty=True) == []
    assert token.step(6, offer=2, reader=True, empty=True) == [Act.LINE]


def test_a_hungry_reader_waits_in_silence_while_the_vf_is_away() -> None:
    token = Token(poll=POLL)
    token.step(1, offer=0, reader=True, empty=True)
    assert token.step(2, offer=0, reader=True, empty=True) == [Act.HUNGRY]
    assert token.step(3, offer=0, reader=True, empty=True) == []
    assert token.deadline == 0
    assert token.step(4, offer=1, reader=True, empty=True) == [Act.LINE]


def serving(number: int = 1) -> Token:
    """A machine whose line of VF `number` has been taken, with the token back in the pipe."""
    token = Token(poll=POLL)
    for now in (1, 2, 3):
        token.step(now, offer=number, reader=True, empty=True)
    token.state.token_at = 0  # as if a poll had gone by
    assert token.step(3, offer=number, reader=True, empty=True) == [Act.TOKEN]
    return token


def test_a_vf_that_is_back_is_offered_at_once_though_the_token_still_stands() -> None:
    token = serving()
    assert token.step(4, offer=0, reader=True, empty=False) == []
    assert token.step(5, offer=2, reader=True, empty=False) == [Act.LINE]


def test_a_flap_within_one_look_is_a_loss() -> None:
    token = serving()
    assert token.step(4, offer=2, reader=True, empty=False) == [Act.LINE]


def test_a_line_on_offer_is_taken_back_when_its_vf_goes() -> None:
    token = serving()
    token.step(4, offer=2, reader=True, empty=False)
    assert token.step(5, offer=0, reader=True, empty=False) == [Act.CANCEL]
    assert token.why is Why.LOST


def test_a_line_whose_vf_was_replaced_is_taken_back_before_the_next_is_offered() -> None:
    token = serving()
    token.step(4, offer=2, reader=True, empty=False)
    assert token.step(5, offer=3, reader=True, empty=False) == [Act.CANCEL, Act.LINE]


def test_a_line_is_taken_back_when_the_last_reader_goes() -> None:
    token = serving()
    token.step(4, offer=2, reader=True, empty=False)
    assert token.step(5, offer=2, reader=False, empty=False) == [Act.CANCEL]
    assert token.why is Why.READER_GONE
    assert token.step(6, offer=2, reader=True, empty=False) == []


def test_a_line_unread_for_three_polls_is_taken_back_and_not_offered_again_unasked() -> None:
    token = serving()
    token.step(4, offer=2, reader=True, empty=False)
    assert token.deadline == 4 + 3 * POLL
    assert token.step(3 + 3 * POLL, offer=2, reader=True, empty=False) == []
    assert token.step(4 + 3 * POLL, offer=2, reader=True, empty=False) == [Act.CANCEL]
    assert token.why is Why.UNREAD
    assert token.step(9 * POLL, offer=2, reader=True, empty=False) == []
    assert token.step(9 * POLL, offer=2, reader=True, empty=True) == [Act.HUNGRY, Act.LINE]


def test_an_application_that_has_not_read_yet_is_not_offered_anything_at_once() -> None:
    token = Token(poll=POLL)
    token.step(1, offer=1, reader=False, empty=True)
    token.step(2, offer=1, reader=True, empty=False)
    token.step(3, offer=0, reader=True, empty=False)
    assert token.step(4, offer=2, reader=True, empty=False) == []


def test_a_new_writer_offers_a_running_application_its_next_vf_at_once() -> None:
    token = Token(poll=POLL)
    token.step(1, offer=1, reader=True, empty=True)
    token.step(2, offer=0, reader=True, empty=False)
    assert token.step(3, offer=2, reader=True, empty=False) == [Act.LINE]


def test_the_next_application_is_not_offered_anything_at_once_either() -> None:
    token = serving()
    token.step(4, offer=1, reader=False, empty=False)
    token.step(5, offer=1, reader=True, empty=False)
    token.step(6, offer=0, reader=True, empty=False)
    assert token.step(7, offer=2, reader=True, empty=False) == []


def test_the_token_is_put_back_when_a_hungry_reader_goes() -> None:
    token = Token(poll=POLL)
    token.step(1, offer=0, reader=True, empty=True)
    assert token.step(2, offer=0, reader=True, empty=True) == [Act.HUNGRY]
    assert token.step(3, offer=0, reader=False, empty=True) == [Act.TOKEN]
    assert token.step(4, offer=1, reader=True, empty=False) == []


def test_hunger_after_the_vf_was_withheld_for_a_while_is_no_failed_plug() -> None:
    token = serving()
    token.step(4, offer=0, reader=True, empty=False)
    assert token.step(5, offer=1, reader=True, empty=True) == [Act.HUNGRY, Act.LINE]


def test_a_failed_plug_is_offered_again_with_growing_pauses() -> None:
    world = running()
    world.revoke()
    world.refuses = 8
    world.give("9b33:00:03.0")
    world.advance(300 * POLL)
    assert world.plugged()
    pauses = [b - a for a, b in zip(world.failed, world.failed[1:], strict=False)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 6 * POLL
    assert pauses[-1] >= 50 * POLL  # five seconds at most, at a poll of a tenth
    assert pauses[-1] < 54 * POLL


def test_a_new_vf_is_offered_without_the_pause_of_the_one_that_failed() -> None:
    world = running()
    world.revoke()
    world.refuses = 100
    world.give("9b33:00:03.0")
    world.advance(100 * POLL)
    world.refuses = 0
    world.revoke()
    world.give("9b33:00:02.0")
    world.advance(3 * POLL)
    assert world.plugged()


def test_an_order_takes_the_line_back_and_offers_it_again() -> None:
    token = serving()
    token.step(4, offer=2, reader=True, empty=False)
    assert token.step(5, offer=2, reader=True, empty=False, order=True) == [Act.CANCEL, Act.LINE]
    assert token.why is Why.ORDERED


def test_what_somebody_else_wrote_is_read_away() -> None:
    token = serving()
    token.step(4, offer=0, reader=True, empty=True)
    assert token.step(5, offer=0, reader=True, empty=False) == [Act.CANCEL]
    assert token.why is Why.FOREIGN


def test_a_write_that_found_no_reader_counts_as_nothing_in_the_pipe() -> None:
    token = serving()
    token.step(4, offer=1, reader=True, empty=True)
    token.write_failed()
    assert token.step(5, offer=1, reader=False, empty=True) == [Act.TOKEN]


@pytest.mark.parametrize("restarts", [1, 2, 3])
def test_a_restarted_application_is_plugged_within_three_polls_of_its_first_read(
    restarts: int,
) -> None:
    world = running()
    for _ in range(restarts):
        world.stop_application()
        world.start_application(POLL // 2)
        world.advance(POLL // 2 + 3 * POLL)
        assert world.plugged()
    assert world.stale == []
