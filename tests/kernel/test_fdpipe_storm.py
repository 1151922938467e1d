"""The storm: real veths, a real pipe, the stand-in of DPDK's fail-safe, and everybody dies.

NETVSC_SOAK_ROUNDS rounds (100, `make soak` 1000); NETVSC_SEED repeats a run.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest

from sim.sidecar.fdpipe import PCI, Application, Pod, Sidecar

ROUNDS = int(os.environ.get("NETVSC_SOAK_ROUNDS", "100"))
SEED = int(os.environ.get("NETVSC_SEED", random.SystemRandom().randrange(2**32)))
POLL_MS, SETTLE_MS = 20, 5
POLL = POLL_MS / 1000
ADDRESSES = (PCI, "9b33:00:03.0", "d5f1:00:02.0")


class Window(Enum):
    """How a stale line could come to be read."""

    WRITER_DEAD = "removal and death of the writer within two polls of an offer"
    IN_PROBE = "removal between the line's reading and its probing"
    OUTSIDE = "no excuse"


@dataclass
class Removal:
    address: str
    began: int
    offered: int  # when the writer last offered a line, ns
    writer: Sidecar


@dataclass
class Storm:
    """The pod and its inhabitants, and what is done to them."""

    pod: Pod
    random: random.Random
    rounds: int
    address: str = ""
    removals: list[Removal] = field(default_factory=list)
    stale: list[Window] = field(default_factory=list)
    outages: list[float] = field(default_factory=list)
    sidecars: int = 0
    applications: int = 0

    def __post_init__(self) -> None:
        self.sidecar = self._sidecar()
        self.application = self._application()

    def _sidecar(self) -> Sidecar:
        self.sidecars += 1
        options = ("--gate", "immediate", "--poll-ms", str(POLL_MS), "--settle-ms", str(SETTLE_MS))
        return self.pod.sidecar(*options)

    def _application(self) -> Application:
        self.applications += 1
        return self.pod.application("--poll-ms", str(POLL_MS))

    @property
    def alive(self) -> bool:
        return self.sidecar.process.returncode is None

    def give(self) -> None:
        self.address = self.random.choice(ADDRESSES)
        transient = self.random.choice([None, None, "rename3"])
        self.pod.host.give("netvsc0", pci=self.address, transient=transient)

    def remove(self) -> None:
        """Take the VF away, with or without the message that it leaves its NetVSC."""
        offers = [line.at for line in self.sidecar.log() if line.event == "offered"]
        began = time.monotonic_ns()
        if self.random.random() < 0.5:
            self.pod.host.vanish("netvsc0")
        else:
            self.pod.host.revoke("netvsc0")
        last = offers[-1] if offers else 0
        self.removals.append(Removal(self.address, began, last, self.sidecar))
        self.address = ""

    def kill_sidecar(self) -> None:
        if self.alive:
            self.sidecar.kill()

    def start_sidecar(self) -> None:
        if not self.alive:
            self.sidecar = self._sidecar()

    def restart_application(self) -> None:
        self.application.kill()
        self.judge()
        self.application = self._application()

    def pause(self, polls: float) -> None:
        time.sleep(self.random.random() * polls * POLL)  # what is random here is the time itself

    def wait_plugged(self, since: int) -> None:
        event = self.application.wait_event("plugged", since=since, line=self.address)
        self.outages.append(event["at"] / 1e9)

    def judge(self) -> bool:
        """Find out why the application is poisoned, if it is."""
        events = self.application.events()
        poisoned = [event for event in events if event["event"] == "poisoned"]
        for event in poisoned:
            self.stale.append(self._window(event, events))
        return bool(poisoned)

    def _window(self, event: dict[str, Any], events: list[dict[str, Any]]) -> Window:
        reads = [e["at"] for e in events if e["event"] == "read" and e["at"] <= event["at"]]
        gone = [r for r in self.removals if r.address == event["line"] and r.began <= event["at"]]
        if not gone:
            return Window.OUTSIDE
        last = gone[-1]
        seen = [e.at for e in last.writer.log() if e.event == "gone" and e.at >= last.began]
        if seen:  # the kernel had not yet told the writer when the line was read
            return Window.IN_PROBE if reads[-1] <= seen[0] else Window.OUTSIDE
        recent = last.began - last.offered <= 2 * POLL * 1e9
        return Window.WRITER_DEAD if recent else Window.OUTSIDE


@pytest.fixture(params=["fdpipe-sim", "fdpipe-asan"])
def storm(request: pytest.FixtureRequest) -> Iterator[Storm]:
    rounds = ROUNDS if request.param == "fdpipe-sim" else ROUNDS // 4  # it is there for its eyes
    print(f"NETVSC_SEED={SEED}, {rounds} rounds")
    with Pod(program=request.param) as pod:
        yield Storm(pod, random.Random(SEED), rounds)


def migrate(storm: Storm) -> None:
    """One round: the VF goes and comes back, and somebody may die on the way."""
    mischief = storm.random.choice(
        ["none", "none", "none", "kill before", "kill after", "kill later", "application"]
    )
    since = len(storm.application.events())
    if mischief == "kill before":
        storm.kill_sidecar()
    storm.remove()
    if mischief == "kill after":
        storm.kill_sidecar()
    storm.pause(storm.random.choice([0, 0.5, 2, 5]))
    if mischief == "kill later":
        storm.kill_sidecar()
        storm.pause(3)
    if mischief == "application":
        storm.restart_application()
        since = 0
    storm.start_sidecar()
    storm.give()
    storm.wait_plugged(since)
    if storm.random.random() < 0.1:
        storm.kill_sidecar()
        storm.pause(2)
        storm.start_sidecar()


def test_a_storm_of_migrations_and_deaths_never_poisons_and_always_ends_plugged(
    storm: Storm,
) -> None:
    storm.give()
    storm.wait_plugged(0)
    for _ in range(storm.rounds):
        migrate(storm)
        storm.pause(3)
    storm.judge()
    assert storm.stale == []
    events = storm.application.catch_up()
    assert json.loads(events[-1]) | {"at": 0} == {
        "at": 0,
        "event": "plugged",
        "line": storm.address,
    }
    assert storm.pod.status()["pci"] == storm.address
    print(
        f"{storm.rounds} migrations, {storm.sidecars} sidecars, {storm.applications} applications"
    )


def flap(storm: Storm) -> None:
    """Anything, at any time, and most of it within one poll."""
    what = storm.random.choice(["vf", "vf", "vf", "vf", "kill", "start", "start", "application"])
    if what == "vf" and storm.address:
        storm.remove()
    elif what == "vf":
        storm.give()
    elif what == "kill":
        storm.kill_sidecar()
    elif what == "start":
        storm.start_sidecar()
    elif storm.random.random() < 0.2:
        storm.restart_application()
    storm.pause(1)


def heal(storm: Storm) -> None:
    """A poisoned application is cured by the return of that very address."""
    last = [e for e in storm.application.events() if e["event"] == "poisoned"][-1]
    since = len(storm.application.events())
    if storm.address:
        storm.remove()
    storm.address = last["line"]
    storm.pod.host.give("netvsc0", pci=storm.address)
    storm.application.wait_event("plugged", since=since, line=storm.address)


def is_poisoned(events: list[dict[str, Any]]) -> bool:
    states = [e["event"] for e in events if e["event"] in ("poisoned", "plugged", "started")]
    return bool(states) and states[-1] == "poisoned"


def test_flaps_within_a_poll_are_read_stale_only_within_the_two_windows(storm: Storm) -> None:
    for _ in range(4 * storm.rounds):
        flap(storm)
        if is_poisoned(storm.application.events()):
            storm.pause(1)
            heal(storm)
    storm.start_sidecar()
    if storm.address:
        storm.remove()
    time.sleep(2 * POLL)  # what came of the last flap is read by now; nothing tells that it is
    storm.judge()
    counts = {window.name: storm.stale.count(window) for window in Window}
    print(json.dumps({"operations": 4 * storm.rounds, "removals": len(storm.removals)} | counts))
    assert counts["OUTSIDE"] == 0
    if is_poisoned(storm.application.events()):
        heal(storm)
        return
    since = len(storm.application.events())
    storm.give()
    storm.wait_plugged(since)
