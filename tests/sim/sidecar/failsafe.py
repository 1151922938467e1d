"""What DPDK's fail-safe does with the descriptor of fd(N), to the letter; pure.

It reads at EAL init and then at each poll, but only while nothing is accepted. The last line wins,
an empty one means "no device". A line that can be probed is plugged; one that cannot is tried again
at each poll for ever and the descriptor is not read again: the poison. A device that went is
detached at one poll, and the descriptor is read at the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

Device = int  # what a line leads to while it exists; another device of the same address is another


class Did(StrEnum):
    """What one poll brought."""

    PLUGGED = "plugged"
    POISONED = "poisoned"
    DETACHED = "detached"
    FAILED = "failed"  # plugged and then refused by its configuration
    CANCELLED = "cancelled"  # read, and its last line was empty
    GARBAGE = "garbage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    did: Did
    line: str


def last_line(data: bytes) -> str:
    """Return the line that counts; a last one without its newline is taken as it is."""
    return data.removesuffix(b"\n").rsplit(b"\n", 1)[-1].decode("latin-1")


def is_devargs(line: str) -> bool:
    """Tell whether EAL would parse it at all: any name, blanks are none."""
    return bool(line) and " " not in line and line.count("(") == line.count(")")


class Failsafe:
    """One fail-safe's first sub-device."""

    def __init__(self, *, refuse: Callable[[str], bool] = lambda _: False) -> None:
        self._refuse = refuse  # a device that probes and then cannot be configured
        self.accepted: str | None = None
        self.device: Device | None = None

    @property
    def poisoned(self) -> bool:
        return self.accepted is not None and self.device is None

    def poll(self, read: Callable[[], bytes], find: Callable[[str], Device | None]) -> list[Step]:
        """Do what fail-safe does at EAL init and at each poll.

        `read` empties the descriptor, `find` returns the device a line leads to, if there is one.
        """
        if self.device is not None:
            return self._watch(find)
        if self.accepted is None:
            data = read()
            if not data:
                return []
            line = last_line(data)
            if not line:
                return [Step(did=Did.CANCELLED, line="")]
            if not is_devargs(line):
                return [Step(did=Did.GARBAGE, line=line)]
            self.accepted = line
            return self._probe(find, first=True)
        return self._probe(find, first=False)

    def _watch(self, find: Callable[[str], Device | None]) -> list[Step]:
        line = self.accepted or ""
        if find(line) == self.device:
            return []
        self.accepted = self.device = None
        return [Step(did=Did.DETACHED, line=line)]

    def _probe(self, find: Callable[[str], Device | None], *, first: bool) -> list[Step]:
        line = self.accepted or ""
        self.device = find(line)
        if self.device is None:
            return [Step(did=Did.POISONED, line=line)] if first else []
        if self._refuse(line):
            self.accepted = self.device = None
            return [Step(did=Did.FAILED, line=line)]
        return [Step(did=Did.PLUGGED, line=line)]
