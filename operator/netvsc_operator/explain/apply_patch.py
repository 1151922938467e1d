"""Carrying out our own patches, for `explain`: the apiserver does it in a cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netvsc_operator.admission.patch import Operation


def apply(patch: Iterable[Operation], thing: Any) -> None:
    """Change `thing` as the operations say; they are all `add`."""
    for operation in patch:
        *way, last = [_unescaped(step) for step in str(operation["path"]).split("/")[1:]]
        target = thing
        for step in way:
            target = target[int(step)] if isinstance(target, list) else _entered(target, step)
        if isinstance(target, list):
            target.insert(len(target) if last == "-" else int(last), operation["value"])
        else:
            target[last] = operation["value"]


def _entered(mapping: dict[str, Any], key: str) -> Any:
    """Go in; a manifest by hand may have no metadata, the apiserver's pods always do."""
    if mapping.get(key) is None:
        mapping[key] = {}
    return mapping[key]


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
