"""Kubeconfigs, merged and chosen from as kubectl does: of each name the first file's entry counts.

Kubernetes documentation, "Organizing Cluster Access Using kubeconfig Files". What an entry means
is `netvsc.access`' business; here paths become absolute, by the file that they stand in.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netvsc import checks
from netvsc.errors import ConfigError

Entry = Mapping[str, object]

_KINDS = {"contexts": "context", "clusters": "cluster", "users": "user"}
_PATHS = {
    "clusters": ("certificate-authority",),
    "users": ("client-certificate", "client-key", "tokenFile"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One context's entries; `where` names the files for messages."""

    cluster: Entry
    user: Entry
    namespace: str
    where: str


def chosen(paths: Sequence[Path], *, context: str | None = None) -> Chosen:
    """Return the entries of `context`, else of the current one; raises ConfigError."""
    where = ", ".join(map(str, paths))
    merged = _merged([_read(path) for path in paths])
    try:
        entry = _named(merged, "contexts", context or merged["current-context"])
        return Chosen(
            cluster=_named(merged, "clusters", entry.get("cluster")),
            user=_named(merged, "users", entry["user"]) if entry.get("user") else {},
            namespace=str(entry.get("namespace") or "default"),
            where=where,
        )
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _read(path: Path) -> dict[str, object]:
    """Return one file: its entries by kind and name, and its current context."""
    import yaml  # noqa: PLC0415 (both extras have it; the vocabulary alone needs no YAML)

    try:
        text = yaml.safe_load(path.read_text())
        data = checks.mapping({} if text is None else text, ())
        entries = {kind: _entries(data, kind, path.parent) for kind in _KINDS}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}; name a kubeconfig") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return {**entries, "current-context": data.get("current-context")}


def _entries(data: Entry, kind: str, folder: Path) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    listed = data.get(kind)
    for index, one in enumerate(listed if isinstance(listed, list) else []):
        item = checks.mapping(one, (kind, index))
        entry = checks.mapping(item.get(_KINDS[kind]) or {}, (kind, index, _KINDS[kind]))
        found.setdefault(str(item.get("name")), _absolute(entry, _PATHS.get(kind, ()), folder))
    return found


def _absolute(entry: Entry, keys: Sequence[str], folder: Path) -> Entry:
    """Make paths absolute; a plugin's command too, unless it is to be found in PATH."""
    changed = {key: str(folder / str(entry[key])) for key in keys if entry.get(key)}
    plugin = entry.get("exec")
    if isinstance(plugin, dict) and os.sep in str(plugin.get("command", "")):
        command = str(folder / str(plugin["command"]))
        return {**entry, **changed, "exec": {**plugin, "command": command}}
    return {**entry, **changed}


def _merged(files: Sequence[Mapping[str, object]]) -> dict[str, object]:
    merged: dict[str, object] = {"current-context": None}
    for file in reversed(files):
        for kind in _KINDS:
            earlier, here = merged.get(kind, {}), file[kind]
            merged[kind] = {**_mapping(earlier), **_mapping(here)}
        merged["current-context"] = file["current-context"] or merged["current-context"]
    return merged


def _mapping(data: object) -> Entry:
    return data if isinstance(data, dict) else {}


def _named(merged: Entry, kind: str, name: object) -> Entry:
    entries = _mapping(merged[kind])
    found = entries.get(str(name))
    if name and isinstance(found, dict):
        return found
    known = ", ".join(sorted(entries)) or "none"
    if kind == "contexts" and not name:
        raise ConfigError(f"has no current-context: set it, or give --context; it has {known}")
    raise ConfigError(f"has no {_KINDS[kind]} named {name!r}: it has {known}")


def files(
    named: Path | None, told: str | None, *, usual: Path, exists: Callable[[Path], bool]
) -> list[Path]:
    """Return which files count: the named one, else those of $KUBECONFIG (`told`), else the usual.

    Of several in $KUBECONFIG those that are not there are passed over; of one it is said.
    """
    if named:
        return [named]
    if told:
        listed = [Path(text) for text in told.split(os.pathsep) if text]
        return [path for path in listed if exists(path)] or listed[:1]
    return [usual] if exists(usual) else []
