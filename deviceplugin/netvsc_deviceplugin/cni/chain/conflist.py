"""Our place in the runtime's network configuration list: last in the chain. Pure.

What others wrote is kept as it is, the order of keys too; a list that is not understood is not
touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netvsc.errors import RequestError
from netvsc_deviceplugin.cni.protocol import wire
from netvsc_deviceplugin.cni.protocol.request import POD_ANNOTATIONS, VERSIONS

TYPE = "netvsc-cni"
STATE = "/run/netvsc"  # where the shim looks, unless its configuration says otherwise
_ENDINGS = (".conf", ".conflist", ".json")
_ROUNDS, _WINDOW_S = 5, 600.0


class ConflistError(RequestError):
    """A list that is left alone, with the reason."""


def primary(names: Iterable[str]) -> str | None:
    """Return the file that the runtime takes: the first by name with an ending that it knows.

    Hidden files count too (libcni, ConfFiles; containerd's go-cni takes the first).
    """
    return next((name for name in sorted(names) if name.endswith(_ENDINGS)), None)


def is_list(name: str) -> bool:
    """Tell whether the runtime reads a file of that name as a list; else it is of one plugin.

    A configuration of one plugin becomes a list in the runtime's memory alone (go-cni, opts.go): in
    the file there is no place for a second one. libcni calls the format deprecated.
    """
    return name.endswith(".conflist")


def entry(state: str) -> Mapping[str, object]:
    """Return what stands for us in a list: the runtime shall hand us the pod's annotations."""
    ours: dict[str, object] = {"type": TYPE, "capabilities": {POD_ANNOTATIONS: True}}
    return ours if state == STATE else ours | {"state": state}


def with_us(text: bytes, *, state: str = STATE) -> bytes:
    """Return the list with us last; the very text if we are. Raises ConflistError."""
    data, plugins = _parsed(text)
    ours = entry(state)
    if plugins[-1] == ours and _count(plugins) == 1:
        return text
    return _written({**data, "plugins": [*_others(plugins), ours]})


def without_us(text: bytes) -> bytes:
    """Return the list without us; the very text if we are not in it. Raises ConflistError."""
    data, plugins = _parsed(text)
    others = _others(plugins)
    return text if len(others) == len(plugins) else _written({**data, "plugins": others})


@dataclass(frozen=True, slots=True)
class RemovalsByOthers:
    """How often somebody took us out, by a monotonic clock; after five times they win."""

    taken_out: tuple[float, ...] = ()

    def add(self, now: float) -> RemovalsByOthers:
        recent = [at for at in self.taken_out if now - at < _WINDOW_S]
        return RemovalsByOthers((*recent, now))

    def forget_old(self, now: float) -> RemovalsByOthers:
        """Forget what is long ago; nobody took us out now, though somebody woke us."""
        return RemovalsByOthers(tuple(at for at in self.taken_out if now - at < _WINDOW_S))

    @property
    def too_many(self) -> bool:
        return len(self.taken_out) >= _ROUNDS


def _parsed(text: bytes) -> tuple[dict[str, object], list[Mapping[str, object]]]:
    try:
        data = wire.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConflistError(f"is not JSON ({error}); its owner must put it right") from None
    plugins = data.get("plugins") if isinstance(data, dict) else None
    if not isinstance(plugins, list) or not all(isinstance(one, dict) for one in plugins):
        raise ConflistError("is not a list of plugins: only a .conflist can be chained")
    if not _others(plugins):
        raise ConflistError("has no other plugin: there is nothing to be chained to")
    for version in _versions(data):
        if version not in VERSIONS:
            raise ConflistError(f"has cniVersion {version!r}; chained are {', '.join(VERSIONS)}")
    return data, plugins


def _versions(data: Mapping[str, object]) -> Iterable[object]:
    """Return what the runtime may choose from (CNI 1.1.0, section 1: cniVersions)."""
    several = data.get("cniVersions")
    return several if isinstance(several, list) and several else [data.get("cniVersion")]


def _others(plugins: Iterable[Mapping[str, object]]) -> list[Mapping[str, object]]:
    return [one for one in plugins if one.get("type") != TYPE]


def _count(plugins: Iterable[Mapping[str, object]]) -> int:
    return sum(one.get("type") == TYPE for one in plugins)


def _written(data: Mapping[str, object]) -> bytes:
    """Keep the letters; half a surrogate pair, which is no letter, stays the escape that it was."""
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    return text.encode(errors="backslashreplace")
