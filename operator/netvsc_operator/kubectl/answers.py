"""Which objects of the API people ask for, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]  # as the API has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which objects: `namespace` None means all, `fields` is a selector."""

    namespace: str | None = None
    fields: str = ""

    def query(self) -> dict[str, str]:
        return {"fieldSelector": self.fields} if self.fields else {}


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects at one moment; a watch goes on from `version`."""

    items: tuple[Object, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a watch tells; `object` is None where only `version` went on."""

    object: Object | None
    gone: bool
    version: str
