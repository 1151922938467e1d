"""Trying again: at once, then with growing pauses, afresh after a good while."""

from __future__ import annotations

from netvsc_deviceplugin.concurrency.backoff import Backoff


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def pauses(retry: Backoff, clock: Clock, *, tries: int) -> list[float]:
    found = []
    for _ in range(tries):
        found.append(retry.wait())
        clock.now += retry.wait()
        retry.tried()
    return found


def test_the_first_try_is_due_at_once_and_pauses_double_up_to_the_longest() -> None:
    clock = Clock()
    retry = Backoff(clock=clock, first_s=0.5, longest_s=4.0, settled_s=100.0)
    assert pauses(retry, clock, tries=7) == [0.0, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_after_a_reset_the_first_try_is_due_at_once_again() -> None:
    clock = Clock()
    retry = Backoff(clock=clock, first_s=0.5)
    pauses(retry, clock, tries=5)
    retry.reset()
    assert pauses(retry, clock, tries=2) == [0.0, 0.5]


def test_a_try_that_held_for_long_makes_the_next_as_good_as_the_first() -> None:
    clock = Clock()
    retry = Backoff(clock=clock, first_s=0.5, settled_s=10.0)
    pauses(retry, clock, tries=5)
    clock.now += 10.0
    assert pauses(retry, clock, tries=2) == [0.0, 0.5]
