"""Labels and annotations of a pod: what its own wish for (docs/pods.md), what the webhook writes.

Wishes come before what a pool says.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from netvsc.errors import RequestError
from netvsc.model.interface_names import ANNOTATION as INTERFACES
from netvsc.model.interface_names import Names, read_names
from netvsc.model.pool import Fallback, Mode
from netvsc_operator.admission.pod.containers import Container, Kind, Object, entries

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
WISHES = (MODE, FALLBACK, POLL_MS, GATE, GUARD, GUARD_PORT, ALLOW, VDEV_NETVSC)
KNOWN = (*WISHES, INTERFACES, REANNOUNCE)
POLL_MS_MAX = 60_000

E = TypeVar("E", bound=StrEnum)


class Gate(StrEnum):
    """When the first line is announced (docs/fdpipe.md)."""

    AUTO = "auto"
    STARTED = "started"
    IMMEDIATE = "immediate"


class Guard(StrEnum):
    AUTO = "auto"
    OFF = "off"


class GuardPort(StrEnum):
    """Whether a port of net_null takes the blows that port 0 gets from DPDK up to 23.07."""

    ON = "on"
    OFF = "off"


class Allow(StrEnum):
    """NOWHERE: EAL's own probe is kept off PCI by an address that cannot exist."""

    NOWHERE = "nowhere"
    OFF = "off"


class VdevNetvsc(StrEnum):
    """IGNORE: DPDK's own driver is told to keep off. ABSENT: this DPDK was built without it."""

    IGNORE = "ignore"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """`mode`, `fallback` and `poll_ms` None: as the pool says."""

    mode: Mode | None = None
    fallback: Fallback | None = None
    poll_ms: int | None = None
    gate: Gate = Gate.AUTO
    guard: Guard = Guard.AUTO
    guard_port: GuardPort = GuardPort.OFF
    allow: Allow = Allow.NOWHERE
    vdev_netvsc: VdevNetvsc = VdevNetvsc.IGNORE


def wishes_from(annotations: Mapping[str, object]) -> Wishes:
    """Read a pod's annotations; raises RequestError that names the one which is wrong."""
    return Wishes(
        mode=_one_of(Mode, annotations, MODE),
        fallback=_one_of(Fallback, annotations, FALLBACK),
        poll_ms=_poll_ms(annotations.get(POLL_MS)),
        gate=_one_of(Gate, annotations, GATE) or Gate.AUTO,
        guard=_one_of(Guard, annotations, GUARD) or Guard.AUTO,
        guard_port=_one_of(GuardPort, annotations, GUARD_PORT) or GuardPort.OFF,
        allow=_one_of(Allow, annotations, ALLOW) or Allow.NOWHERE,
        vdev_netvsc=_one_of(VdevNetvsc, annotations, VDEV_NETVSC) or VdevNetvsc.IGNORE,
    )


def unknown(annotations: Collection[str]) -> list[str]:
    """Say of each annotation below our domain that nobody reads what may have been meant."""
    return [
        f"annotation {key} is not known and has no effect{_meant(key)}"
        for key in annotations
        if key.startswith(PREFIX) and key not in KNOWN
    ]


def _one_of(kind: type[E], annotations: Mapping[str, object], key: str) -> E | None:
    value = annotations.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or value not in set(kind):
        raise RequestError(f"annotation {key} is {value!r}: write one of {', '.join(kind)}")
    return kind(value)


def _poll_ms(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 9:
        number = int(value)
        if 1 <= number <= POLL_MS_MAX:
            return number
    raise RequestError(
        f"annotation {POLL_MS} is {value!r}: write a whole number from 1 to {POLL_MS_MAX}"
    )


def _meant(key: str) -> str:
    near = difflib.get_close_matches(key, WISHES, n=1)
    return f"; did you mean {near[0]}?" if near else ""


LABEL = "netvsc.io/injected"
VERSION = "v1"


def own_words(metadata: Object, containers: Sequence[Container]) -> bool:
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


def check_names(metadata: Object, names: Names) -> bool:
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
        if container.kind is not Kind.INIT
        for resource, count in container.pairs.items()
    }


def _shown(names: Names) -> str:
    every = (name for by in names.values() for several in by.values() for name in several)
    return ", ".join(every)
