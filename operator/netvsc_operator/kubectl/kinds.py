"""What people ask of the API: kinds, which of their objects, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Object = dict[str, Any]  # as the API has it


@dataclass(frozen=True, slots=True)
class Kind:
    """`group` is empty for the core's; `plural` is the name in URLs."""

    group: str
    version: str
    plural: str

    def path(self, *, namespace: str | None = None, name: str | None = None) -> str:
        home = ["apis", self.group] if self.group else ["api"]
        within = ["namespaces", namespace] if namespace else []
        steps = [*home, self.version, *within, self.plural, *([name] if name else [])]
        return "/" + "/".join(quote(step, safe="") for step in steps)

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Kind("", "v1", "pods")
EVENTS = Kind("events.k8s.io", "v1", "events")
NETVSC_NODES = Kind("netvsc.io", "v1alpha1", "netvscnodes")


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
