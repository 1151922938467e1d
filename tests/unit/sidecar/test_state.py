"""What the agent makes of a sidecar's words: the state, what is counted, what it must be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netvsc.model.status import Announcement, AnnounceState, ApplicationState
from netvsc_deviceplugin.sidecar.protocol import Ages, Application, Counts, SidecarReport, VfState
from netvsc_deviceplugin.sidecar.state import (
    Progress,
    announcement,
    hear,
    progress,
    verbs_request,
)

HUNGRY = SidecarReport(
    number="00",
    netvsc="netvsc0",
    application=Application.HUNGRY,
    vf=VfState.AWAY,
    ages=Ages(opened=5000),
    started=77,
)


def ages(opened: int, usable: int, offered: int | None, taken: int | None) -> Ages:
    return Ages(opened=opened, usable=usable, offered=offered, taken=taken)


OFFERED = replace(
    HUNGRY,
    vf=VfState.OFFERED,
    line="9b33:00:02.0",
    generation=1,
    counts=Counts(offers=1),
    ages=Ages(opened=5100, usable=3, offered=1),
)
TAKEN = replace(
    OFFERED,
    vf=VfState.TAKEN,
    application=Application.SERVED,
    taken_generation=1,
    counts=Counts(offers=1, takes=1),
    ages=Ages(opened=5200, usable=103, offered=101, taken=31),
)


def test_a_migration_is_counted_and_both_stages_timed() -> None:
    assert progress(HUNGRY, OFFERED) == Progress(offered_after=0.002)
    assert progress(OFFERED, TAKEN) == Progress(taken=1, taken_after=0.07)
    assert progress(TAKEN, TAKEN) == Progress()


def test_words_that_were_merged_into_one_tell_the_same() -> None:
    assert progress(HUNGRY, TAKEN) == Progress(taken=1, offered_after=0.002, taken_after=0.07)
    assert progress(None, TAKEN) == Progress(taken=1, offered_after=0.002, taken_after=0.07)


def test_a_vf_that_waited_for_its_application_says_nothing_of_our_speed() -> None:
    late = replace(OFFERED, ages=Ages(opened=50, usable=90_000, offered=1))
    assert progress(HUNGRY, late).offered_after is None


def test_an_offer_repeated_for_the_same_vf_is_not_timed_again() -> None:
    again = replace(OFFERED, counts=Counts(offers=2, cancels=1), ages=ages(5400, 303, 0, None))
    assert progress(OFFERED, again) == Progress(cancelled=1)


def test_a_first_offer_in_a_later_word_than_its_vf_is_timed() -> None:
    settled = replace(HUNGRY, vf=VfState.WITHHELD, generation=1, ages=ages(5100, 3, None, None))
    assert progress(settled, OFFERED).offered_after == 0.002
    after_loss = replace(settled, ages=ages(5100, 3, 60_000, 59_900), counts=Counts())
    assert progress(after_loss, OFFERED).offered_after == 0.002


def test_several_since_the_last_word_are_counted_and_not_timed() -> None:
    many = replace(TAKEN, counts=Counts(offers=4, takes=3, cancels=1, failed_plugs=2))
    assert progress(OFFERED, many) == Progress(taken=3, cancelled=1, failed=2)


def test_a_new_sidecar_counts_from_zero() -> None:
    restarted = replace(TAKEN, started=99)
    assert (
        progress(
            replace(TAKEN, counts=Counts(offers=7, takes=7, cancels=7, failed_plugs=7)), restarted
        ).taken
        == 1
    )


def test_a_liars_numbers_do_not_move_the_metrics() -> None:
    lie = replace(
        TAKEN,
        counts=Counts(offers=1, takes=2**32 - 1, cancels=2**31, failed_plugs=10**9),
        ages=ages(10**11, 10**11, 9, 0),
    )
    assert progress(OFFERED, lie) == Progress()
    assert progress(None, lie) == Progress()
    assert progress(TAKEN, replace(TAKEN, counts=Counts())) == Progress()


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (HUNGRY, AnnounceState.AWAY),
        (OFFERED, AnnounceState.OFFERED),
        (TAKEN, AnnounceState.TAKEN),
        (replace(OFFERED, vf=VfState.WITHHELD, reason="Settling"), AnnounceState.WITHHELD),
        (
            replace(
                OFFERED,
                vf=VfState.WITHHELD,
                reason="Unopened",
                application=Application.UNOPENED,
            ),
            AnnounceState.UNOPENED,
        ),
        (
            replace(OFFERED, vf=VfState.WITHHELD, reason="Gate", application=Application.UNOPENED),
            AnnounceState.UNOPENED,
        ),
        (
            replace(
                OFFERED,
                vf=VfState.WITHHELD,
                reason="VerbsMismatch",
                application=Application.UNOPENED,
            ),
            AnnounceState.WITHHELD,
        ),
        (replace(OFFERED, vf=VfState.WITHHELD, reason="Gate"), AnnounceState.WITHHELD),
    ],
)
def test_the_state_is_what_people_ask_for_first(said: SidecarReport, state: AnnounceState) -> None:
    assert announcement(hear(said, 1000.0, None)).state is state


def test_an_announcement_has_the_dates_of_what_happened_and_keeps_them() -> None:
    first = hear(TAKEN, 1_000_000.0, None)
    aged = replace(TAKEN, guard="active", ages=ages(9200, 4103, 4102, 4032))
    told = announcement(hear(aged, 1_000_004.0, first))
    assert told == Announcement(
        state=AnnounceState.TAKEN,
        line="9b33:00:02.0",
        generation=1,
        taken_generation=1,
        application=ApplicationState.ATTACHED,
        guard="active",
        offered_at="1970-01-12T13:46:39.899000Z",
        taken_at="1970-01-12T13:46:39.969000Z",
    )


def test_the_next_taking_has_its_own_date_and_so_has_a_new_sidecars() -> None:
    first = hear(TAKEN, 1000.0, None)
    again = replace(TAKEN, counts=Counts(offers=2, takes=2))
    assert hear(again, 2000.0, first).taken_at == 2000.0 - 0.031
    assert hear(replace(TAKEN, started=99), 3000.0, first).taken_at == 3000.0 - 0.031
    assert hear(HUNGRY, 3000.0, None).taken_at is None


@pytest.mark.parametrize(
    ("told", "given", "request_line"),
    [
        (None, ("uverbs0",), "verbs 00 uverbs0"),
        (None, (), "verbs 00 none"),
        (None, ("uverbs0", "uverbs1"), "verbs 00 uverbs0,uverbs1"),
        (("uverbs1", "uverbs0"), ("uverbs0", "uverbs1"), None),
        (("uverbs1",), ("uverbs0",), "verbs 00 uverbs0"),
        ((), (), None),
        (("uverbs1",), None, None),
        (None, None, None),
    ],
)
def test_a_sidecar_is_told_what_it_does_not_know_and_what_somebody_knows(
    told: tuple[str, ...] | None, given: tuple[str, ...] | None, request_line: str | None
) -> None:
    assert verbs_request(replace(HUNGRY, given=told), given) == request_line
