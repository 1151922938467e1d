"""Frozen dataclasses to plain data and back, with the keys as Kubernetes writes them.

`numa_node` is `numaNode`; None, empty tuples and empty mappings are left out. Reading is tolerant,
since another version may have written: keys that are not known are ignored, and so is what a
choice with a member OTHER does not know (docs/upgrades.md).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from netvsc.encoding import checks
from netvsc.errors import ConfigError

T = TypeVar("T")
_Read = Callable[[object, checks.Where], Any]
_REAL_MAX = 1e300


def camel(name: str) -> str:
    """Return `last_outage_seconds` as `lastOutageSeconds`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def to_plain(thing: object) -> dict[str, object]:
    """Return the mapping that stands for a dataclass."""
    values = {
        camel(field.name): getattr(thing, field.name)
        for field in dataclasses.fields(thing)  # type: ignore[arg-type]
    }
    return {key: _plain(value) for key, value in values.items() if value not in (None, (), {})}


def from_plain(kind: type[T], data: object, path: checks.Where = ()) -> T:
    """Read a dataclass; raises ConfigError that names the key which has not the type it needs."""
    given = checks.mapping(data, path)
    values = {}
    for name, key, required, read in _readers(kind):  # type: ignore[arg-type]
        if given.get(key) is not None:
            values[name] = read(given[key], (*path, key))
        elif required:
            raise ConfigError(f"has no {key}: add it", path=path)
    return kind(**values)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value):
        return to_plain(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value.value if isinstance(value, StrEnum) else value


@cache
def _readers(kind: type) -> tuple[tuple[str, str, bool, _Read], ...]:
    hints = typing.get_type_hints(kind)
    return tuple(
        (field.name, camel(field.name), _required(field, hints[field.name]), _reader(hint))
        for field in dataclasses.fields(kind)
        for hint in [hints[field.name]]
    )


def _required(field: dataclasses.Field[Any], hint: object) -> bool:
    missing = dataclasses.MISSING
    optional = type(None) in typing.get_args(hint)
    return field.default is missing and field.default_factory is missing and not optional


def _reader(hint: Any) -> _Read:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        (inner,) = (one for one in arguments if one is not type(None))
        return _reader(inner)
    if origin is tuple:
        return _several(_reader(arguments[0]))
    if origin is not None and issubclass(origin, Mapping):
        return _by_key(_reader(arguments[1]))
    if dataclasses.is_dataclass(hint):
        return lambda data, path: from_plain(typing.cast("type[Any]", hint), data, path)
    if issubclass(hint, StrEnum):
        return checks.one_or_other(hint) if "OTHER" in hint.__members__ else checks.one_of(hint)
    return _SIMPLE[hint]


def _several(read: _Read) -> _Read:
    def parse(data: object, path: checks.Where) -> tuple[object, ...]:
        if not isinstance(data, list):
            raise ConfigError(f"is {data!r}: write a list", path=path)
        return tuple(read(item, (*path, i)) for i, item in enumerate(data))

    return parse


def _by_key(read: _Read) -> _Read:
    return lambda data, path: {
        key: read(value, (*path, key)) for key, value in checks.mapping(data, path).items()
    }


def _text(data: object, path: checks.Where) -> str:
    if not isinstance(data, str):
        raise ConfigError(f"is {data!r}: write a text", path=path)
    return data


def _real(data: object, path: checks.Where) -> float:
    if isinstance(data, bool) or not isinstance(data, int | float):
        raise ConfigError(f"is {data!r}: write a number", path=path)
    if not abs(data) < _REAL_MAX:  # also what is not a number: no JSON has it
        raise ConfigError(
            "is not a number that can be written again: write a smaller one", path=path
        )
    return float(data)


_SIMPLE: dict[object, _Read] = {
    str: _text,
    bool: checks.flag,
    int: checks.number(low=-(2**53), high=2**53),
    float: _real,
    object: lambda data, _path: data,
}
