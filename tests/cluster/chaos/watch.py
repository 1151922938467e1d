"""What must hold at every moment, looked at several times a second while the storm is on.

Applications live, wires exist, and what stands in a pipe leads to a VF that is there.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from cluster.chaos import pipe, processes
from cluster.chaos.invariants import leads_to
from cluster.chaos.processes import Who
from cluster.chaos.seen import Broken, Invariant
from cluster.harness import namespaces

if TYPE_CHECKING:
    from cluster.chaos.host import Host
    from cluster.chaos.stage import Stage
    from cluster.chaos.steps import Role

_PAUSE_S = 0.2
# A sidecar that runs takes a line back within milliseconds; a machine may be busy for longer.
STALE_S = 1.5


class Watch:
    """A thread that looks; what it found is in `broken`."""

    def __init__(self, stage: Stage, host: Host) -> None:
        self._stage = stage
        self._host = host
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch")
        self._orphans: dict[Role, float] = {}
        self.broken: list[Broken] = []
        self.looks = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_PAUSE_S) and not self.broken:
            try:
                self.broken += self.once()
            except Exception as error:  # noqa: BLE001 (a thread's error must be heard of)
                what = f"the watch itself failed: {error!r}"
                self.broken.append(Broken(invariant=Invariant.APPLICATION, what=what))
            self.looks += 1

    def once(self) -> list[Broken]:
        return [*self._dead(), *self._unwired(), *self._stale()]

    def _dead(self) -> list[Broken]:
        found = []
        for role, life in self._stage.born.items():
            now = 0
            with suppress(FileNotFoundError, ProcessLookupError):
                now = processes.started(life.pid)
            if now != life.started:
                what = f"{role}: process {life.pid} is no more"
                found.append(Broken(invariant=Invariant.APPLICATION, what=what))
        return found

    def _unwired(self) -> list[Broken]:
        with namespaces.network(self._stage.cluster.node.pid):
            there = {name for _, name in socket.if_nameindex()}
        return [
            Broken(invariant=Invariant.PAIR, what=f"the wire of {nic.name} is gone")
            for nic in self._stage.nics.values()
            if f"{nic.name}-far" not in there
        ]

    def _stale(self) -> list[Broken]:
        found = []
        for role, life in self._stage.born.items():
            with suppress(OSError):  # it is just dying: the other rule says so
                line = pipe.offered(pipe.content(life.pid))
                away = self._host.missing_s(leads_to(line) or "") if line else None
                if away is not None and away > STALE_S and self._attended(role):
                    what = f"{role}: {line!r} is in the pipe, and for {away:.1f} s no such VF"
                    found.append(Broken(invariant=Invariant.ANNOUNCEMENT, what=what))
        return found

    def _attended(self, role: Role) -> bool:
        """Whether the pod's sidecar has lived for long enough to have cleaned up.

        The kubelet lets one that was killed wait; docs/fdpipe.md tells of that window.
        """
        pod = self._stage.uids[role]
        if processes.find(self._stage.cluster, Who.SIDECAR, pod=pod):
            return time.monotonic() - self._orphans.get(role, 0.0) > STALE_S
        self._orphans[role] = time.monotonic()
        return False
