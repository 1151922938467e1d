"""Failed plugs: the pauses between offers grow, and what makes them begin anew."""

from __future__ import annotations

import pytest

from sim.sidecar.machines import Act, Token
from sim.sidecar.pipe_model import POLL


class Failing:
    """An application that takes VF 1 again and again and cannot configure it."""

    def __init__(self) -> None:
        self.token = Token(poll=POLL)
        self.now = 1
        assert self.step() == [Act.CANCEL]
        assert self.step() == [Act.HUNGRY, Act.LINE]
        self.take()

    def step(self, *, offer: int = 1, reader: bool = True, **more: bool) -> list[Act]:
        more = {"empty": True} | more
        return self.token.step(self.now, offer=offer, reader=reader, **more)

    def fail(self) -> int:
        """It asks again though its VF is there; return the pause that follows, in polls."""
        assert self.step()[:2] == [Act.HUNGRY, Act.FAILED_PLUG]
        return (self.token.deadline - self.now) // POLL

    def take(self) -> None:
        """It reads the line that stands in the pipe; a poll later the token stands there again."""
        assert self.step() == [Act.TAKEN]
        self.now += POLL
        assert self.step() == [Act.TOKEN]

    def retry(self) -> None:
        """The pause ends, and the line is offered and taken once more."""
        self.now = self.token.deadline
        assert self.step() == [Act.LINE]
        self.take()

    def fail_often(self) -> None:
        for pause in (2, 4, 8):
            assert self.fail() == pause
            self.retry()


def test_after_an_order_the_pauses_begin_anew() -> None:
    application = Failing()
    application.fail_often()
    assert application.step(empty=False, order=True) == [Act.CANCEL, Act.LINE]
    application.take()
    assert application.fail() == 2


def test_for_the_next_vf_the_pauses_begin_anew() -> None:
    application = Failing()
    application.fail_often()
    assert application.step(offer=0, empty=False) == []
    assert application.step(empty=False) == [Act.LINE]
    application.take()
    assert application.fail() == 2


def test_for_the_next_application_the_pauses_begin_anew_and_none_is_left_of_the_last() -> None:
    application = Failing()
    application.fail_often()
    application.fail()
    assert application.step(reader=False) == [Act.TOKEN]
    assert application.step(empty=False) == []
    assert application.step() == [Act.HUNGRY, Act.LINE]
    application.take()
    assert application.fail() == 2


@pytest.mark.parametrize(("polls", "pause"), [(53, 16), (54, 2)])
def test_after_a_plug_that_held_the_pauses_begin_anew(polls: int, pause: int) -> None:
    """It must have held for longer than the longest pause and what detaching it takes."""
    application = Failing()
    application.fail_often()
    application.now += polls * POLL
    assert application.fail() == pause
