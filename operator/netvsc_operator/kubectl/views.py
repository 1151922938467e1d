"""NetvscNodes as tables that people want to read. Pure: `now` is in seconds since the epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from netvsc.errors import RequestError
from netvsc.pair import Path
from netvsc.status import NodeStatus, PairStatus, Truth
from netvsc.timestamps import from_text

Row = tuple[str, ...]
Object = Mapping[str, Any]
_NONE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A NetvscNode; `status` is None until its agent has written one."""

    name: str
    status: NodeStatus | None


def nodes(found: Iterable[Node]) -> list[Row]:
    """Return a line for each node: what it has, and whether its agent is well."""
    rows = [("NODE", "PAIRS", "FREE", "ON-VF", "REVOKED-24H", "AGENT", "READY")]
    return [*rows, *(_node(node) for node in found)]


def pairs(found: Iterable[Node], *, now: float) -> list[Row]:
    """Return a line for each pair of each node."""
    head = (
        *("NODE", "PAIR", "NETVSC", "POOL", "PATH", "SINCE", "VF", "DRIVER"),
        *("HOLDER", "REVOKED", "LAST-OUTAGE"),
    )
    return [head, *(_pair(node, pair, now=now) for node, pair in _each(found))]


def pods(
    found: Iterable[Node], *, namespace: str | None, now: float, wide: bool = False
) -> list[Row]:
    """Return a line for each pair in a pod; `namespace` None means all."""
    head = (
        *("NAMESPACE", "POD", "CONTAINER", "INTERFACE", "NODE"),
        *("PATH", "SINCE", "ANNOUNCED", "REVOKED", "LAST-OUTAGE"),
        *(("PAIR", "VF", "DRIVER", "APPLICATION", "GUARD") if wide else ()),
    )
    rows = []
    for node, pair in _each(found):
        held = pair.allocation
        if held is None or namespace not in {None, held.namespace}:
            continue
        who = (held.namespace, held.pod, held.container, held.interface or _NONE, node.name)
        path, since = _path(pair, now=now)
        how = (path, since, _announced(pair), str(pair.revocations), _outage(pair))
        rows.append((*who, *how, *(_made_of(pair) if wide else ())))
    return [head, *sorted(rows)]


def _made_of(pair: PairStatus) -> Row:
    said = pair.announcement
    application, guard = (said.application, said.guard) if said else (None, None)
    return (pair.id, *_vf(pair), application or _NONE, guard or _NONE)


def _vf(pair: PairStatus) -> Row:
    return (pair.vf.pci, pair.vf.driver or _NONE) if pair.vf else (_NONE, _NONE)


def _each(found: Iterable[Node]) -> list[tuple[Node, PairStatus]]:
    return [(node, pair) for node in found for pair in (node.status.pairs if node.status else ())]


def _pair(node: Node, pair: PairStatus, *, now: float) -> Row:
    shown = (node.name, pair.id, pair.netvsc, pair.pool, *_path(pair, now=now), *_vf(pair))
    return (*shown, _holder(pair), str(pair.revocations), _outage(pair))


def _node(node: Node) -> Row:
    status = node.status
    if status is None:
        return (node.name, *[_NONE] * 5, "no word of its agent yet")
    counts = status.summary
    numbers = (counts.pairs, counts.free, counts.on_vf, counts.revoked24h)
    return (node.name, *map(str, numbers), status.agent.version, _ready(status))


def _ready(status: NodeStatus) -> str:
    """Return what the agent complains of, in its own words."""
    for one in status.conditions:
        if one.type == "Ready" and one.status is not Truth.TRUE:
            return f"{one.reason}: {one.message}"
    return "True"


def _path(pair: PairStatus, *, now: float) -> tuple[str, str]:
    """Which way frames go, and for how long: a mismatch of verbs devices is no fast path."""
    since = pair.last_returned if pair.path is Path.VF else pair.last_revoked
    shown = "VF, wrong verbs device" if pair.verbs_mismatch else pair.path.value
    return shown, _NONE if since is None else age(since, now=now)


def _announced(pair: PairStatus) -> str:
    said = pair.announcement
    if said is None:
        return _NONE
    return f"{said.state.value} ({said.reason})" if said.reason else said.state.value


def _holder(pair: PairStatus) -> str:
    held = pair.allocation
    return f"{held.namespace}/{held.pod}" if held else _NONE


def _outage(pair: PairStatus) -> str:
    seconds = pair.last_outage_seconds
    return _NONE if seconds is None else f"{seconds:.1f}s"


def events(found: Iterable[Object], *, now: float) -> list[Row]:
    """Return a line for each event (events.k8s.io/v1), the newest last."""
    rows = [("LAST-SEEN", "REASON", "OBJECT", "NOTE")]
    return [*rows, *(_event(one, now=now) for one in sorted(found, key=_seen))]


def _seen(event: Object) -> str:
    return str((event.get("series") or {}).get("lastObservedTime") or event.get("eventTime") or "")


def _event(event: Object, *, now: float) -> Row:
    about = event.get("regarding") or {}
    name = "/".join(str(about[key]) for key in ("namespace", "name") if about.get(key))
    kind = str(about.get("kind", "")).lower()
    last = _seen(event)
    seen = age(last, now=now) if last else _NONE
    return (seen, str(event.get("reason", "")), f"{kind} {name}", str(event.get("note", "")))


def age(text: str, *, now: float) -> str:
    """Return how long ago, as kubectl writes it: 45s, 12m, 5h, 3d."""
    try:
        seconds = max(0.0, now - from_text(text))
    except RequestError:
        return "?"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"
