"""Which pair each container of a pod will hold: what the kubelet does with devices, by names.

An init container's devices go on to who comes after it; a sidecar and a container keep theirs
(kubelet, devicemanager Allocate, devicesToReuse). Of several it could pass on, the kubelet takes
any: where that leaves open which pair an init container had, it can be promised nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netvsc.errors import RequestError
from netvsc.model.interface_names import Names, Request, name_interfaces
from netvsc_operator.admission.pod.containers import Container, ContainerKind

PAIRS_MAX = 7  # an Azure VM has 8 NICs, and one of them is the node's


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPair:
    """One pair of a pod: its number through the pod, and the NetVSC's name inside."""

    number: int
    interface: str
    resource: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """`names` are of those that keep their pairs; `pairs` by container, init containers too.

    An init container is missing in `pairs` if nobody can know which ones it will see.
    """

    names: Names
    pairs: Mapping[str, tuple[PodPair, ...]]


@dataclass(slots=True, eq=False)
class _Device:
    """Some device of a resource; `seen_by` are the init containers that had it before."""

    seen_by: set[str] = field(default_factory=set)


def share(containers: Sequence[Container], *, prefixes: Mapping[str, str]) -> Shares:
    """Give each pair of a pod its number and its name.

    Raises RequestError for more than seven, and for an init container that asks for more than
    those after it will keep: the rest would stay on the node.
    """
    keep = [
        Request(container=container.name, resource=resource, count=count)
        for container in containers
        if container.kind is not ContainerKind.INIT
        for resource, count in container.pairs.items()
    ]
    _check_number(sum(request.count for request in keep))
    for container in containers:  # what follows goes through the pairs one by one
        _check_number(sum(container.pairs.values()))
    names = name_interfaces(keep, prefixes=prefixes)
    held = _numbered(names)
    pairs = {
        name: tuple(pair for several in by.values() for pair in several)
        for name, by in held.items()
    }
    if any(container.kind is ContainerKind.INIT and container.pairs for container in containers):
        pairs |= _of_init_containers(containers, held)
    return Shares(names=names, pairs=pairs)


def _check_number(total: int) -> None:
    if total > PAIRS_MAX:
        raise RequestError(
            f"the pod asks for {total} pairs: ask for at most {PAIRS_MAX}, since a virtual machine "
            "has 8 NICs and one is the node's own"
        )


_Held = Mapping[str, Mapping[str, tuple[PodPair, ...]]]


def _numbered(names: Names) -> _Held:
    held: dict[str, dict[str, tuple[PodPair, ...]]] = {}
    number = 0
    for container, by in names.items():
        for resource, interfaces in by.items():
            held.setdefault(container, {})[resource] = tuple(
                PodPair(number=number + i, interface=interface, resource=resource)
                for i, interface in enumerate(interfaces)
            )
            number += len(interfaces)
    return held


def _of_init_containers(
    containers: Sequence[Container], held: _Held
) -> Mapping[str, tuple[PodPair, ...]]:
    found: dict[str, list[PodPair]] = {}
    unknown: set[str] = set()
    for resource in sorted({resource for one in containers for resource in one.pairs}):
        kept = _pass_on(containers, resource, unknown)
        for container, devices in kept.items():
            for pair, device in zip(held[container][resource], devices, strict=True):
                for name in device.seen_by:
                    found.setdefault(name, []).append(pair)
    return {
        name: tuple(sorted(pairs, key=lambda pair: pair.number))
        for name, pairs in found.items()
        if name not in unknown
    }


def _pass_on(
    containers: Sequence[Container], resource: str, unknown: set[str]
) -> Mapping[str, Sequence[_Device]]:
    """Return who keeps which devices of a resource; notes in `unknown` what is left to chance."""
    passing: list[_Device] = []
    kept: dict[str, Sequence[_Device]] = {}
    for container in containers:
        count = container.pairs.get(resource, 0)
        if not count:
            continue
        new = [_Device() for _ in range(count - len(passing))]
        if container.kind is ContainerKind.INIT:
            for device in [*passing, *new][:count]:
                device.seen_by.add(container.name)
            passing += new
        else:
            unknown |= _seen_in_part(passing) if count < len(passing) else set()
            kept[container.name] = taken = [*passing, *new][:count]
            unknown |= _seen_in_part(taken)
            passing = passing[count:]
    if passing:
        raise RequestError(_too_many(passing, resource))
    return kept


def _seen_in_part(devices: Sequence[_Device]) -> set[str]:
    """Return who had some of these, but not all: which ones is then a matter of chance."""
    had = [device.seen_by for device in devices]
    return had[0].union(*had) - had[0].intersection(*had) if had else set()


def _too_many(left: Sequence[_Device], resource: str) -> str:
    names = ", ".join(sorted({name for device in left for name in device.seen_by}))
    return (
        f"init container {names}: asks for more {resource} than the containers after it keep; "
        "ask for as many as they do, or for none: the pod's interfaces are there all the same"
    )
