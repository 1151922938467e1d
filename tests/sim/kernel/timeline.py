"""Plays what happened on an Azure host, as a fixture tells it, on a live simulated one.

A fixture's `timeline` is written in the words of dmesg, udev and rtnetlink; `steps` understands
the ones that change the host and ignores the others (docs/simulator.md lists them).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sim.kernel.fixture import Fixture
from sim.kernel.host import Host


class Do(StrEnum):
    APPEAR = "appear"  # a VF's netdev, not joined yet, its driver just bound
    JOIN = "join"
    RENAME = "rename"
    REVOKE = "revoke"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """At `at` seconds, do something to the VF of `netvsc`; `name` is its name from then on."""

    at: float
    do: Do
    netvsc: str
    name: str = ""


_APPEAR = re.compile(r"NEWLINK (?P<name>\S+) ifindex (?P<index>\d+)")
_RENAME = re.compile(r"NEWLINK rename \S+ -> (?P<name>\S+) ifindex (?P<index>\d+)")
_REVOKE = re.compile(r"NEWLINK \S+ without IFLA_MASTER, then DELLINK ifindex (?P<index>\d+)")
_JOINED = re.compile(r"joined to (?P<netvsc>\w+)")


def steps(host: Fixture) -> list[Step]:
    """Return the steps of a fixture's timeline, or of its generator of flaps."""
    if "generator" in host:
        return list(_flaps(host["generator"], netvsc="eth1"))
    known = {nic["ifindex"]: nic["master"] for nic in host["interfaces"] if nic.get("master")}
    found: list[Step] = []
    for entry in host.get("timeline", ()):
        found += _read(entry, known)
    return found


def play(
    host: Host,
    wanted: Sequence[Step],
    *,
    speed: float = 1.0,
    told: Callable[[Step], None] = lambda _: None,
) -> None:
    """Play at `speed` times the pace; `told` hears of each step just before it happens."""
    start = time.monotonic()
    for step in wanted:
        pause = start + step.at / speed - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        told(step)
        _do(host, step)


def _read(entry: dict[str, Any], known: dict[int, str]) -> Iterator[Step]:
    at, rtnl = entry["t_ms"] / 1000, entry.get("rtnl", "")
    joined = _JOINED.search(entry.get("dmesg", ""))
    master = entry.get("master") or (joined["netvsc"] if joined else None)
    if match := _REVOKE.match(rtnl):
        yield Step(at=at, do=Do.REVOKE, netvsc=known[int(match["index"])])
    elif match := _RENAME.match(rtnl):
        yield Step(at=at, do=Do.RENAME, netvsc=known[int(match["index"])], name=match["name"])
    elif master and (match := _APPEAR.match(rtnl)):
        known[int(match["index"])] = master
        yield Step(at=at, do=Do.APPEAR, netvsc=master, name=match["name"])
        yield Step(at=at, do=Do.JOIN, netvsc=master)


def _flaps(generator: dict[str, int], *, netvsc: str) -> Iterator[Step]:
    """One revocation each period, back after half of it."""
    period = generator["period_ms"] / 1000
    for i in range(generator["count"]):
        yield Step(at=i * period, do=Do.REVOKE, netvsc=netvsc)
        yield Step(at=(i + 0.5) * period, do=Do.APPEAR, netvsc=netvsc)
        yield Step(at=(i + 0.5) * period, do=Do.JOIN, netvsc=netvsc)


def _do(host: Host, step: Step) -> None:
    match step.do:
        case Do.REVOKE:
            host.revoke(step.netvsc)
        case Do.APPEAR:
            host.give(step.netvsc, name=step.name or None, joined=False)
        case Do.JOIN:
            host.join(step.netvsc)
        case Do.RENAME:
            host.rename(step.netvsc, step.name)
