"""Words that earlier versions wrote: each is read as the word that took its place."""

from __future__ import annotations

from typing import Any

import pytest

from netvsc.encoding.serialize import from_plain, to_plain
from netvsc.model.status import ApplicationState, NodeStatus
from netvsc_operator.controller.events.phase import phase_of
from sim.cluster.nodes import held, offered, pair, returned, revoked, status

ONE = held(pair(1))

FORMER = [
    ("unopened", ApplicationState.NOT_OPENED),
    ("opened", ApplicationState.OPENED),
    ("hungry", ApplicationState.WAITING),
    ("served", ApplicationState.ATTACHED),
    ("other", ApplicationState.OTHER),
]


def read(word: str) -> NodeStatus:
    plain: Any = to_plain(status(offered(returned(revoked(ONE)))))
    plain["pairs"][0]["announcement"]["application"] = word
    return from_plain(NodeStatus, plain)


def application(found: NodeStatus) -> ApplicationState | None:
    said = found.pairs[0].announcement
    return said.application if said else None


@pytest.mark.parametrize(("former", "state"), FORMER)
def test_a_former_word_for_an_application_is_read_and_written_as_the_present_one(
    former: str, state: ApplicationState
) -> None:
    found = read(former)
    assert application(found) is state
    plain: Any = to_plain(found)
    assert plain["pairs"][0]["announcement"]["application"] == state.value


@pytest.mark.parametrize("state", list(ApplicationState))
def test_a_present_word_is_read_as_itself(state: ApplicationState) -> None:
    assert application(read(state.value)) is state


@pytest.mark.parametrize(("former", "state"), FORMER)
def test_the_controller_takes_a_status_in_former_words_as_one_in_present_words(
    former: str, state: ApplicationState
) -> None:
    [before], [now] = read(former).pairs, read(state.value).pairs
    assert phase_of(before, sidecar=True) is phase_of(now, sidecar=True)


def test_of_a_vf_on_offer_it_tells_apart_whether_anybody_could_take_it() -> None:
    [unopened], [hungry] = read("unopened").pairs, read("hungry").pairs
    assert phase_of(unopened, sidecar=True) is not phase_of(hungry, sidecar=True)
