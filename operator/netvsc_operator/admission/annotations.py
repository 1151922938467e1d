"""Labels and annotations of a pod: its settings (docs/pods.md), and what the webhook writes.

A pod's own settings come before what a pool says.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from netvsc.errors import RequestError
from netvsc.model.interface_names import ANNOTATION as INTERFACES
from netvsc.model.interface_names import Names, read_names
from netvsc.model.pool import Fallback, Mode
from netvsc_operator.admission.pod.containers import Container, ContainerKind
from netvsc_operator.objects import Unchecked, entries

PREFIX = "netvsc.io/"
MODE = f"{PREFIX}mode"
FALLBACK = f"{PREFIX}fallback"
POLL_MS = f"{PREFIX}hotplug-poll-ms"
GATE = f"{PREFIX}gate"
GUARD = f"{PREFIX}guard"
GUARD_PORT = f"{PREFIX}guard-port"
ALLOW = f"{PREFIX}allow"
VDEV_NETVSC = f"{PREFIX}vdev-netvsc"
REANNOUNCE = f"{PREFIX}reannounce"


class Gate(StrEnum):
    """When the first line is announced (docs/fdpipe.md)."""

    AUTO = "auto"
    STARTED = "started"
    IMMEDIATE = "immediate"


class Guard(StrEnum):
    AUTO = "auto"
    OFF = "off"


class GuardPort(StrEnum):
    """Whether a port of net_null absorbs the removals that port 0 gets from DPDK up to 23.07."""

    ON = "on"
    OFF = "off"


class Allow(StrEnum):
    """NOWHERE: EAL's own probe is kept off PCI by an address that cannot exist."""

    NOWHERE = "nowhere"
    OFF = "off"


class VdevNetvsc(StrEnum):
    """IGNORE: DPDK's own driver is made to keep off. ABSENT: this DPDK was built without it."""

    IGNORE = "ignore"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value that is one of an enumeration's."""

    kind: type[StrEnum]

    def read(self, key: str, value: object) -> StrEnum:
        if not isinstance(value, str) or value not in set(self.kind):
            raise RequestError(
                f"annotation {key} is {value!r}: write one of {', '.join(self.kind)}"
            )
        return self.kind(value)


@dataclass(frozen=True, slots=True)
class WholeNumber:
    lowest: int
    highest: int

    def read(self, key: str, value: object) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 9:
            number = int(value)
            if self.lowest <= number <= self.highest:
                return number
        raise RequestError(
            f"annotation {key} is {value!r}: write a whole number from {self.lowest} to "
            f"{self.highest}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One that a pod's author writes. `failsafe`: it has no effect in modes without our sidecar."""

    key: str
    field: str
    values: OneOf | WholeNumber
    failsafe: bool


def _read(key: str, values: OneOf | WholeNumber, *, failsafe: bool = False) -> dict[str, Any]:
    return {"key": key, "values": values, "failsafe": failsafe}


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSettings:
    """What a pod's annotations say, the one table of them (CONTRIBUTING.md tells how to add one).

    None: as the pool says.
    """

    mode: Mode | None = field(default=None, metadata=_read(MODE, OneOf(Mode)))
    fallback: Fallback | None = field(
        default=None, metadata=_read(FALLBACK, OneOf(Fallback), failsafe=True)
    )
    poll_ms: int | None = field(
        default=None, metadata=_read(POLL_MS, WholeNumber(1, 60_000), failsafe=True)
    )
    gate: Gate = field(default=Gate.AUTO, metadata=_read(GATE, OneOf(Gate), failsafe=True))
    guard: Guard = field(default=Guard.AUTO, metadata=_read(GUARD, OneOf(Guard), failsafe=True))
    guard_port: GuardPort = field(
        default=GuardPort.OFF, metadata=_read(GUARD_PORT, OneOf(GuardPort), failsafe=True)
    )
    allow: Allow = field(default=Allow.NOWHERE, metadata=_read(ALLOW, OneOf(Allow)))
    vdev_netvsc: VdevNetvsc = field(
        default=VdevNetvsc.IGNORE, metadata=_read(VDEV_NETVSC, OneOf(VdevNetvsc), failsafe=True)
    )


ANNOTATIONS = tuple(Annotation(field=one.name, **one.metadata) for one in fields(PodSettings))
SETTINGS = tuple(one.key for one in ANNOTATIONS)
KNOWN = (*SETTINGS, INTERFACES, REANNOUNCE)


def settings_from(annotations: Mapping[str, object]) -> PodSettings:
    """Read a pod's annotations; raises RequestError that names the one which is wrong."""
    values = ((one, annotations.get(one.key)) for one in ANNOTATIONS)
    found = {
        one.field: one.values.read(one.key, value) for one, value in values if value is not None
    }
    return PodSettings(**found)  # type: ignore[arg-type]


def unknown(annotations: Collection[str]) -> list[str]:
    """Say of each annotation below our domain that nobody reads what may have been meant."""
    return [
        f"annotation {key} is not known and has no effect{_meant(key)}"
        for key in annotations
        if key.startswith(PREFIX) and key not in KNOWN
    ]


def _meant(key: str) -> str:
    near = difflib.get_close_matches(key, SETTINGS, n=1)
    return f"; did you mean {near[0]}?" if near else ""


LABEL = "netvsc.io/injected"
VERSION = "v1"


def was_injected(metadata: Unchecked, containers: Sequence[Container]) -> bool:
    """Tell whether the pod was injected.

    Raises RequestError if it says so and does not look so: then the pod was changed since, and
    its arguments and interfaces would not fit its pairs.
    """
    if LABEL not in entries(metadata, "labels"):
        return False
    text = entries(metadata, "annotations").get(INTERFACES)
    names = read_names(text) if isinstance(text, str) else {}
    if _counts(names) != _kept(containers):
        raise RequestError(
            f"the pod is labelled {LABEL}, but its annotation {INTERFACES} does not fit the pairs "
            "that its containers ask for: remove both and what was injected, or start from the "
            "pod as it was written"
        )
    return True


def check_names(metadata: Unchecked, names: Names) -> bool:
    """Tell whether the annotation is there and says this; raises RequestError if it says else."""
    text = entries(metadata, "annotations").get(INTERFACES)
    if text is None:
        return False
    if not isinstance(text, str) or read_names(text) != names:
        raise RequestError(
            f"annotation {INTERFACES} is the webhook's to write, and it would write "
            f"{_shown(names)}: remove it"
        )
    return True


def _counts(names: Names) -> Mapping[tuple[str, str], int]:
    return {
        (container, resource): len(interfaces)
        for container, by in names.items()
        for resource, interfaces in by.items()
    }


def _kept(containers: Sequence[Container]) -> Mapping[tuple[str, str], int]:
    return {
        (container.name, resource): count
        for container in containers
        if container.kind is not ContainerKind.INIT
        for resource, count in container.pairs.items()
    }


def _shown(names: Names) -> str:
    every = (name for by in names.values() for several in by.values() for name in several)
    return ", ".join(every)
