"""The types of the API's objects as plain data, and reading one that nobody has checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netvsc.errors import ConfigError

Object = dict[str, Any]  # as the apiserver has it, which has checked it
Unchecked = Mapping[str, object]  # as people write it: anything may be in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which objects of a kind: `namespace` None means all, `labels` and `fields` are selectors.

    `metadata_only` asks for PartialObjectMetadata: a Node's labels cost a tenth of the Node.
    """

    namespace: str | None = None
    labels: str = ""
    fields: str = ""
    metadata_only: bool = False

    def query(self) -> dict[str, str]:
        selectors = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {key: value for key, value in selectors.items() if value}


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects at one moment; a watch goes on from `version`."""

    items: Sequence[Object]
    version: str


def items(thing: Unchecked, key: str) -> Sequence[object]:
    """Return a list of the object's, empty where there is none."""
    found = thing.get(key)
    if found is None:
        return ()
    if not isinstance(found, list):
        raise ConfigError(f"is {type(found).__name__}: write a list", path=(key,))
    return found


def entries(thing: Unchecked, key: str) -> Unchecked:
    """Return a mapping of the object's, empty where there is none."""
    found = thing.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"is {found!r}: write keys and values", path=(key,))
    return found
