"""Revocations and returns at random, with everything that may go wrong around them mixed in."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event
from types import TracebackType
from typing import Self

from dpdk.pod import Pod, traffic
from dpdk.testpmd import DETACHED, NOT_THERE, PLUGGED, STARTED, Testpmd
from sim.sidecar.fdpipe import Sidecar

ABSENCES = (0.0, 0.01, 0.1, 0.3, 1.0, 3.0)  # seconds


def rounds(in_ci: int, in_soak: int) -> int:
    """How often: NETVSC_SOAK=1 asks for the large number."""
    return in_soak if os.environ.get("NETVSC_SOAK") == "1" else in_ci


@dataclass(slots=True)
class Tally:
    removals: int = 0
    poisoned: int = 0  # probes of an address that was gone
    restarts: int = 0
    kills: int = 0
    silent: list[str] = field(default_factory=list)  # where no frame came back


class Storm:
    """Plays `round`s against an application that `launch` starts and starts again."""

    def __init__(
        self,
        pod: Pod,
        *,
        sidecar: Callable[[], Sidecar],
        launch: Callable[[], AbstractContextManager[Testpmd]],
        seed: int = 7,
    ) -> None:
        self.pod = pod
        self.tally = Tally()
        self._random = random.Random(seed)
        self._new_sidecar, self._launch = sidecar, launch
        self._pause = Event()  # never set: waits out an absence, which is nobody's event
        self._number = 0
        self.sidecar = sidecar()
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._application.__exit__(kind, error, None)

    def _start(self) -> None:
        self._application = self._launch()
        self.pmd = self._application.__enter__()
        self.pmd.ready().forward()

    def plug(self) -> None:
        """The VF comes, anywhere; the application takes it and forwards over it."""
        self._number += 1
        since = self.pmd.mark()
        moved = self._number if self._random.random() < 0.6 else 0
        self.pod.give(moved=moved)
        self._taken(since)

    def _taken(self, since: int) -> None:
        plugged = self.pmd.wait(PLUGGED, since)
        self.pmd.wait(STARTED, plugged.end() - 1)
        self._forwards("vf0")

    def _forwards(self, netdev: str) -> None:
        with self.pod.wire(netdev) as wire:
            if not wire.echoes():
                self.tally.silent.append(f"round {self.tally.removals}: {netdev}")

    def round(self) -> None:
        """One removal, an absence and a return; now and then a writer or an application dies."""
        luck = self._random.random()
        if luck < 0.1:
            self._restart_application()
        elif luck < 0.2:
            self._kill_sidecar()
            self._renew_sidecar()
        self._remove(writer_dies=self._random.random() < 0.3)
        self.plug()

    def _remove(self, *, writer_dies: bool) -> None:
        since = self.pmd.mark()
        if writer_dies:
            self._kill_sidecar()
        with self.pod.wire("vf0") as wire, traffic(wire):
            (self.pod.revoke if self._random.random() < 0.5 else self.pod.vanish)()
            self.tally.removals += 1
            self.pmd.wait(DETACHED, since)
        self._pause.wait(self._random.choice(ABSENCES))
        self._forwards("netvsc0")
        if writer_dies:
            self._renew_sidecar()
        self.tally.poisoned += self.pmd.count(NOT_THERE, since)

    def survived(self, times: int) -> int:
        """Play that many rounds, all of which have to go well; return how many removals it were."""
        with self:
            self.plug()
            for _ in range(times):
                self.round()
            assert self.pmd.quit() == 0
        assert (self.tally.poisoned, self.tally.silent) == (0, [])
        return self.tally.removals

    def _kill_sidecar(self) -> None:
        self.sidecar.kill()
        self.tally.kills += 1

    def _renew_sidecar(self) -> None:
        self.sidecar = self._new_sidecar()

    def _restart_application(self) -> None:
        """It dies with the VF plugged; the new one must find the VF by itself."""
        self.pmd.process.send_signal(self._random.choice((signal.SIGKILL, signal.SIGTERM)))
        self.pmd.end()
        self._application.__exit__(None, None, None)
        self.tally.restarts += 1
        self._start()
        self._taken(0)
