"""A world in which the writer's real state machine meets a fail-safe: time, pipe, VF, deaths.

The writer reacts at once (its delays are measured, not modelled); everything else may happen at any
nanosecond. What is between two operations is played in the order of its times.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from sim.sidecar.failsafe import Did, Failsafe
from sim.sidecar.machines import Act, Token

POLL = 100_000_000  # nanoseconds
NEVER = 1 << 62


class Window(Enum):
    """How a stale line could come to be read."""

    WRITER_DEAD = "the writer died, then the VF went, within two polls of an offer"
    IN_PROBE = "the VF went between reading and probing"
    OUTSIDE = "there is no excuse"


@dataclass
class World:
    now: int = 1
    vf: int = 0  # the number of the VF that is there; 0: away
    address: str = ""
    numbers: int = 0
    pipe: bytes | None = None  # None: nobody has it open, so it holds nothing
    writer: Token | None = None
    reader: Failsafe | None = None
    next_poll: int = NEVER
    cut: bool = False  # the next probe finds the VF gone, though it was there at the reading
    ordered: bool = False
    refuses: int = 0  # so many plugs fail in their configuration
    failed: list[int] = field(default_factory=list)
    offered_at: int = 0
    unwatched_loss: bool = False  # the VF went while no writer was there and a line stood
    stale: list[Window] = field(default_factory=list)

    # what may happen

    def give(self, address: str) -> None:
        if not self.vf:
            self.numbers += 1
            self.vf, self.address = self.numbers, address
            self.wake()

    def revoke(self) -> None:
        if self.vf:
            if self.writer is None and self.line() == self.address:
                self.unwatched_loss = self.now - self.offered_at <= 2 * POLL
            self.vf = 0
            self.wake()

    def flap(self, address: str) -> None:
        """Go and come back within one burst: the writer sees only the new number."""
        if self.vf and self.writer is None:
            self.revoke()
        self.numbers += 1
        self.vf, self.address = self.numbers, address
        self.wake()

    def kill_writer(self) -> None:
        self.writer = None
        self._close()

    def start_writer(self) -> None:
        if self.writer is None:
            self.writer = Token(poll=POLL)
            self.pipe = self.pipe or b""
            self.wake()

    def order(self) -> None:
        self.ordered = True
        self.wake()

    def stop_application(self) -> None:
        self.reader, self.next_poll = None, NEVER
        self._close()
        self.wake()

    def start_application(self, init: int) -> None:
        """Open the pipe; EAL reads it first after `init`."""
        if self.reader is None:
            self.reader = Failsafe(refuse=self._refuse)
            self.pipe = self.pipe or b""
            self.next_poll = self.now + init
            self.wake()

    def advance(self, time: int) -> None:
        end = self.now + time
        while (at := min(self.next_poll, self._deadline())) <= end:
            self.now = max(self.now, at)
            if at == self.next_poll:
                self.next_poll = self.now + POLL
                self._poll()
            self.wake()
        self.now = end

    # what follows from it

    def line(self) -> str:
        return (self.pipe or b"").decode().strip("\n")

    def plugged(self) -> bool:
        return self.reader is not None and self.vf != 0 and self.reader.device == self.vf

    def wake(self) -> None:
        """Let the writer look and act, as often as it takes."""
        while self.writer:
            before = self.pipe
            acts = self.writer.step(
                self.now,
                offer=self.vf,
                reader=self.reader is not None,
                empty=not self.pipe,
                order=self.ordered,
            )
            self.ordered = False
            for act in acts:
                self._carry_out(act)
            assert not self.line() or self.line() == self.address, "an untrue line stands"
            assert not self.line() or self.vf, "a line stands for a VF that is away"
            if self.pipe == before:
                return

    def _carry_out(self, act: Act) -> None:
        if act is Act.CANCEL:
            self.pipe = b"\n"
        elif act is Act.LINE:
            self.pipe = (self.pipe or b"") + f"{self.address}\n".encode()
            self.offered_at = self.now
        elif act is Act.TOKEN:
            self.pipe = b"\n"
        elif act is Act.FAILED_PLUG:
            self.failed.append(self.now)

    def _poll(self) -> None:
        if self.reader is None:
            return
        for step in self.reader.poll(self._read, self._find):
            if step.did is Did.POISONED:
                self._blame()
        self.cut = False

    def _read(self) -> bytes:
        """Read until nothing is left, as fgets(3) does: the writer acts between two reads."""
        data = b""
        while self.pipe:
            data, self.pipe = data + self.pipe, b""
            self.wake()
        return data

    def _find(self, line: str) -> int | None:
        if self.cut and self.reader and self.reader.device is None:
            self.vf = 0  # the writer is not yet told: this is within the poll
        return self.vf if self.vf and line == self.address else None

    def _refuse(self, _: str) -> bool:
        self.refuses -= self.refuses > 0
        return self.refuses > 0

    def _blame(self) -> None:
        if self.cut:
            self.stale.append(Window.IN_PROBE)
        elif self.unwatched_loss:
            self.stale.append(Window.WRITER_DEAD)
        else:
            self.stale.append(Window.OUTSIDE)

    def _close(self) -> None:
        if self.writer is None and self.reader is None:
            self.pipe = None

    def _deadline(self) -> int:
        if self.writer is None or not self.writer.deadline:
            return NEVER
        return max(self.writer.deadline, self.now)
