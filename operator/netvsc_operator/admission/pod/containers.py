"""The containers of a pod as admission sees them: who asks for how many pairs of what.

Kubernetes quantities are whole numbers of the smallest unit: "1" and "1000m" are the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from netvsc.encoding import checks
from netvsc.errors import RequestError
from netvsc.model.names import RESOURCE_DOMAIN
from netvsc_operator.objects import Unchecked, entries, items


class ContainerKind(StrEnum):
    """How long a container lives: an init container ends before the next one starts."""

    INIT = "init container"
    SIDECAR = "sidecar"
    MAIN = "container"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container; `place` is its JSON pointer, `pairs` counts by resource, none are left out."""

    kind: ContainerKind
    place: str
    name: str
    spec: Unchecked
    pairs: Mapping[str, int]

    def words(self, key: str) -> tuple[str, ...]:
        """Return `command` or `args`, empty where there is none."""
        return tuple(str(word) for word in items(self.spec, key))

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def containers_of(spec: Unchecked) -> tuple[Container, ...]:
    """Return the pod's containers, those of `initContainers` first, as the kubelet takes them."""
    return tuple(
        _container(given, key=key, index=index)
        for key in ("initContainers", "containers")
        for index, given in enumerate(items(spec, key))
    )


def _container(data: object, *, key: str, index: int) -> Container:
    given = checks.mapping(data, (key, index))
    name = checks.text(given.get("name"), (key, index, "name"))
    restarts = key == "initContainers" and given.get("restartPolicy") == "Always"
    kind = (
        ContainerKind.MAIN
        if key == "containers"
        else ContainerKind.SIDECAR
        if restarts
        else ContainerKind.INIT
    )
    return Container(
        kind=kind,
        place=f"/spec/{key}/{index}",
        name=name,
        spec=given,
        pairs=_pairs(given, f"{kind} {name}"),
    )


def _pairs(given: Unchecked, who: str) -> Mapping[str, int]:
    resources = entries(given, "resources")
    limits, requests = entries(resources, "limits"), entries(resources, "requests")
    for resource in requests:
        if resource.startswith(RESOURCE_DOMAIN) and resource not in limits:
            raise RequestError(
                f"{who} requests {resource} without a limit: write it under resources.limits"
            )
    counts = {
        resource: _count(value, f"{who}: {resource}")
        for resource, value in limits.items()
        if resource.startswith(RESOURCE_DOMAIN)
    }
    return {resource: count for resource, count in counts.items() if count}


def _count(value: object, what: str) -> int:
    amount = quantity(value)
    if amount % ONE or amount < 0:
        raise RequestError(f"{what} is {value!r}: write a whole number")
    return amount // ONE


_QUANTITY = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,2})|([KMGTPE]i|[numkMGTPE])?)", re.ASCII
)
_LONGEST = 128  # characters; the number in it must be one that Python reads, and those are kept
_SUFFIXES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", start=1)},
}


ONE = 10**9  # the smallest unit is a billionth, `1n`


def quantity(value: object) -> int:
    """Return billionths; raises RequestError for what Kubernetes does not take for a quantity."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)  # YAML by hand: `cpu: 1`
    if not isinstance(value, str):
        raise RequestError(f"{value!r} is not a quantity: write a number such as 1, 500m or 64Mi")
    if len(value) > _LONGEST:
        raise RequestError(f"{value[:20]!r}… is too long for a quantity: write a shorter number")
    return _parsed(value)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> int:
    found = _QUANTITY.fullmatch(text)
    if not found:
        raise RequestError(f"{text!r} is not a quantity: write a number such as 1, 500m or 64Mi")
    number, exponent, suffix = found.groups()
    scale = Fraction(10) ** int(exponent) if exponent else _SUFFIXES[suffix] if suffix else 1
    return math.ceil(Fraction(number) * scale * ONE)
