"""What a pod's NetVSCs are called inside it: decided once, the same by everybody.

The webhook writes the decision into the annotation; where nobody did, the agent comes to the same
one from the order in which the kubelet tells of containers and resources.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netvsc.errors import RequestError
from netvsc.model.names import check_interface

ANNOTATION = "netvsc.io/interfaces"
DEFAULT_PREFIX = "netvsc"

Names = Mapping[str, Mapping[str, tuple[str, ...]]]  # container → resource → interfaces


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """So many pairs of one resource for one container."""

    container: str
    resource: str
    count: int


def name_interfaces(requests: Iterable[Request], *, prefixes: Mapping[str, str]) -> Names:
    """Return a number for each pair of a pod, container by container, from 0 for each prefix.

    `requests` come in the pod's order of containers; of one container, resources go by name, since
    neither a pod nor the kubelet keeps their order. `prefixes` are by resource.
    """
    next_number: defaultdict[str, int] = defaultdict(int)
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for container, wanted in _by_container(requests).items():
        for resource, count in sorted(wanted.items()):
            prefix = prefixes.get(resource, DEFAULT_PREFIX)
            first = next_number[prefix]
            next_number[prefix] += count
            names = tuple(check_interface(f"{prefix}{first + i}") for i in range(count))
            found.setdefault(container, {})[resource] = names
    return found


def write_names(names: Names) -> str:
    """Return the annotation's value."""
    return json.dumps(
        {container: {r: list(n) for r, n in by.items()} for container, by in names.items()},
        separators=(",", ":"),
    )


def read_names(text: str) -> Names:
    """Read the annotation's value; raises RequestError if it is not what `write_names` writes."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _malformed(str(error)) from None
    found = {
        container: {
            resource: tuple(_checked(name) for name in _list(names, container, resource))
            for resource, names in _mapping(by, container).items()
        }
        for container, by in _mapping(data, "the whole").items()
    }
    every = [name for by in found.values() for names in by.values() for name in names]
    if twice := sorted({name for name in every if every.count(name) > 1}):
        raise _malformed(f"{twice[0]} is there twice")
    return found


def _by_container(requests: Iterable[Request]) -> Mapping[str, Mapping[str, int]]:
    found: dict[str, defaultdict[str, int]] = {}
    for request in requests:
        found.setdefault(request.container, defaultdict(int))[request.resource] += request.count
    return found


def _mapping(data: object, what: str) -> Mapping[str, object]:
    if not isinstance(data, dict):
        raise _malformed(f"{what} is not an object")
    return data


def _list(data: object, container: str, resource: str) -> list[object]:
    if not isinstance(data, list):
        raise _malformed(f"{container}, {resource} is not a list")
    return data


def _checked(name: object) -> str:
    if not isinstance(name, str):
        raise _malformed(f"{name!r} is not a name")
    return check_interface(name)


def _malformed(why: str) -> RequestError:
    example = '{"container":{"netvsc.io/pair":["netvsc0"]}}'
    return RequestError(f"annotation {ANNOTATION}: {why}; write it like {example}")
