"""Whether an address that was read was there, and if not, whether docs/fdpipe.md foresees it. Pure.

Two windows are left in which a line can be read that leads nowhere: the VF goes and the sidecar is
dead within two polls of an offer, or the VF goes after the reading and before the probe. Times are
nanoseconds of CLOCK_MONOTONIC, which host, sidecar and application share.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MS = 1_000_000
POLL = 100 * MS
_BUSY = 100 * MS  # how late a poll may come on a busy machine
_HEARD = 1000 * MS  # by then a sidecar that lives has heard of a removal


class Window(Enum):
    WRITER_DEAD = "the VF went and the sidecar was dead within two polls of an offer"
    IN_PROBE = "the VF went before the sidecar could hear of it"
    OUTSIDE = "no excuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """The host took a VF away."""

    vf: str
    began: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One line of a sidecar's log."""

    at: int
    event: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An application read a line that leads to `vf`, and did not find it."""

    at: int
    vf: str


def window(read: Read, removals: Sequence[Removal], log: Sequence[Said]) -> Window:
    """How it could come that a read line led nowhere."""
    gone = [one for one in removals if one.vf == read.vf and one.began <= read.at + _BUSY]
    if not gone:
        return Window.OUTSIDE
    last = gone[-1]
    heard = next((said.at for said in log if _tells(said, last)), None)
    if heard is not None:
        soon = heard - last.began <= _HEARD
        return Window.IN_PROBE if soon and read.at <= heard else Window.OUTSIDE
    return Window.WRITER_DEAD if _just_offered(last, log) else Window.OUTSIDE


def excuses(removals: Sequence[Removal], log: Sequence[Said]) -> list[Removal]:
    """The removals after which an application may be poisoned, seen from its sidecar alone."""
    return [one for one in removals if _taken_late(one, log) or _unheard(one, log)]


def _tells(said: Said, removal: Removal) -> bool:
    return said.event == "gone" and removal.began <= said.at <= removal.began + 5 * _HEARD


def _taken_late(removal: Removal, log: Sequence[Said]) -> bool:
    """The line was read at nearly the moment of the removal."""
    heard = next((said.at for said in log if _tells(said, removal)), None)
    if heard is None or heard - removal.began > _HEARD:
        return False
    takes = [said.at for said in log if said.event == "taken" or said.detail == "late"]
    return any(removal.began - _BUSY <= at <= heard + _BUSY for at in takes)


def _unheard(removal: Removal, log: Sequence[Said]) -> bool:
    if any(_tells(said, removal) for said in log):
        return False
    return _just_offered(removal, log)


def _just_offered(removal: Removal, log: Sequence[Said]) -> bool:
    offers = [said.at for said in log if said.event == "offered" and said.at <= removal.began]
    return bool(offers) and removal.began - offers[-1] <= 2 * POLL + _BUSY
