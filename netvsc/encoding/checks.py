"""Checks of plain data, as YAML or JSON give it: each returns a typed value or raises ConfigError.

A parser takes the data and the path that leads to it; messages name the value and the remedy.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from netvsc.errors import ConfigError, RequestError

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Where = tuple[str | int, ...]

_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def mapping(data: object, path: Where) -> Mapping[str, object]:
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ConfigError(f"is {_kind(data)}: write keys and values", path=path)
    return data


def text(data: object, path: Where) -> str:
    if not isinstance(data, str) or not data:
        raise ConfigError(f"is {_kind(data)}: write a text, in quotes if need be", path=path)
    return data


def flag(data: object, path: Where) -> bool:
    if not isinstance(data, bool):
        raise ConfigError(f"is {_kind(data)}: write true or false", path=path)
    return data


def number(*, low: int, high: int) -> Callable[[object, Where], int]:
    def parse(data: object, path: Where) -> int:
        if isinstance(data, bool) or not isinstance(data, int) or not low <= data <= high:
            raise ConfigError(
                f"is {_kind(data)}: write a whole number from {low} to {high}", path=path
            )
        return data

    return parse


def one_of(kind: type[E]) -> Callable[[object, Where], E]:
    def parse(data: object, path: Where) -> E:
        known = ", ".join(member.value for member in kind)
        if not isinstance(data, str) or data not in set(kind):
            raise ConfigError(f"is {_kind(data)}: write one of {known}", path=path)
        return kind(data)

    return parse


def one_or_other(kind: type[E]) -> Callable[[object, Where], E]:
    """Make a parser of a choice that may grow: what only a later version knows is its OTHER.

    A word of an earlier version is read if the choice knows its successor (`_missing_`).
    """
    strict = one_of(kind)

    def parse(data: object, path: Where) -> E:
        if not isinstance(data, str):
            return strict(data, path)
        try:
            return kind(data)
        except ValueError:
            return kind["OTHER"]

    return parse


def via(check: Callable[[str], str]) -> Callable[[object, Where], str]:
    """Make a parser of a check that raises RequestError."""

    def parse(data: object, path: Where) -> str:
        try:
            return check(text(data, path))
        except ConfigError:
            raise
        except RequestError as error:
            raise ConfigError(str(error), path=path) from None

    return parse


def list_of(parse: Callable[[object, Where], T]) -> Callable[[object, Where], tuple[T, ...]]:
    def parse_all(data: object, path: Where) -> tuple[T, ...]:
        if not isinstance(data, list) or not data:
            raise ConfigError(
                f"is {_kind(data)}: write a list with at least one item, or leave the key out",
                path=path,
            )
        return tuple(parse(item, (*path, i)) for i, item in enumerate(data))

    return parse_all


def labels(data: object, path: Where) -> tuple[tuple[str, str], ...]:
    """Return labels, sorted; an empty value is one, as in `node-role.kubernetes.io/x: ""`."""
    return tuple(
        sorted((key, _label(value, (*path, key))) for key, value in mapping(data, path).items())
    )


def _label(data: object, path: Where) -> str:
    return "" if data == "" else text(data, path)


def subnet(data: object, path: Where) -> str:
    """Return a network such as `10.0.1.0/24`; host bits are an error, not a guess."""
    try:
        return str(ipaddress.ip_network(text(data, path)))
    except ValueError as error:
        raise ConfigError(f"is not a subnet ({error}): write 10.0.1.0/24", path=path) from None


def duration_or_never(data: object, path: Where) -> float | None:
    """Return seconds, or None for `never`; units as Kubernetes writes them: ms, s, m, h."""
    if data == "never":
        return None
    found = _DURATION.fullmatch(data) if isinstance(data, str) else None
    if not found or int(found.group(1)) == 0:
        raise ConfigError(f"is {_kind(data)}: write never, or a time such as 90s or 5m", path=path)
    return int(found.group(1)) * _SECONDS[found.group(2)]


def _kind(data: object) -> str:
    """Describe a value so that its writer finds it again."""
    if data is None:
        return "empty"
    if isinstance(data, dict):
        return "a mapping" if data else "an empty mapping"
    if isinstance(data, list):
        return "a list" if data else "an empty list"
    if isinstance(data, int) and abs(data) >= 10**100:  # Python does not write those of 4300 digits
        return "a number of more than 100 digits"
    return repr(data)
