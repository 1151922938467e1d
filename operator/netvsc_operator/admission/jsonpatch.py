"""A JSON Patch (RFC 6902) made by hand: what to add is known, so there is nothing to compare."""

from __future__ import annotations

from collections.abc import Sequence

Operation = dict[str, object]


def escaped(key: str) -> str:
    """Return a key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def put(path: str, value: object) -> Operation:
    """Add a key of an object, or replace it."""
    return {"op": "add", "path": path, "value": value}


def append(path: str, values: Sequence[object], *, to: Sequence[object]) -> list[Operation]:
    """Add to the end of a list; `to` is the list as it is, empty if it is not there."""
    if not values:
        return []
    return [put(f"{path}/-", value) for value in values] if to else [put(path, list(values))]


def prepend(path: str, value: object, *, to: Sequence[object]) -> Operation:
    return put(f"{path}/0", value) if to else put(path, [value])


def merge(path: str, key: str, value: object, *, to: object) -> Operation:
    """Set one key of a mapping that may not be there yet."""
    return put(f"{path}/{escaped(key)}", value) if to else put(path, {key: value})
