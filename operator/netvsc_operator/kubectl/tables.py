"""What is shown as tables that people want to read. Pure: `now` is in seconds since the epoch."""

from __future__ import annotations

from collections.abc import Iterable

from netvsc.encoding.columns import columns
from netvsc.encoding.timestamps import from_text
from netvsc.errors import RequestError
from netvsc.model.pair import Path
from netvsc.model.status import NodeStatus, PairStatus, Truth
from netvsc_operator.kubectl.pairs import Node, PodPairStatus, since
from netvsc_operator.objects import Object

Row = tuple[str, ...]
_NONE = "-"


def table(rows: Iterable[Row], *, nothing: str) -> str:
    """Align rows below their head; `nothing` stands where there is none."""
    shown = list(rows)
    return columns(shown) if len(shown) > 1 else nothing


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
    rows = [
        _pair(node.name, pair, now=now)
        for node in found
        for pair in (node.status.pairs if node.status else ())
    ]
    return [head, *rows]


def pods(found: Iterable[PodPairStatus], *, now: float, wide: bool = False) -> list[Row]:
    """Return a line for each pair in a pod."""
    head = (
        *("NAMESPACE", "POD", "CONTAINER", "INTERFACE", "NODE"),
        *("PATH", "SINCE", "ANNOUNCED", "REVOKED", "LAST-OUTAGE"),
        *(("PAIR", "VF", "DRIVER", "APPLICATION", "GUARD") if wide else ()),
    )
    return [head, *(_pod(one, now=now, wide=wide) for one in found)]


def _pod(one: PodPairStatus, *, now: float, wide: bool) -> Row:
    who = (one.namespace, one.pod, one.container, one.interface or _NONE, one.node)
    path = (_path(one.path, one.verbs_mismatch), _since(one.since, now=now))
    how = (_announced(one), str(one.revocations), _outage(one.last_outage_seconds))
    made_of = (one.pair, one.vf, one.driver, one.application, one.guard) if wide else ()
    return (*who, *path, *how, *(text or _NONE for text in made_of))


def _pair(node: str, pair: PairStatus, *, now: float) -> Row:
    what = (node, pair.id, pair.netvsc, pair.pool, _path(pair.path, pair.verbs_mismatch))
    vf = (pair.vf.pci, pair.vf.driver or _NONE) if pair.vf else (_NONE, _NONE)
    counted = (str(pair.revocations), _outage(pair.last_outage_seconds))
    return (*what, _since(since(pair), now=now), *vf, _holder(pair), *counted)


def _node(node: Node) -> Row:
    status = node.status
    if status is None:
        return (node.name, *[_NONE] * 5, node.trouble or "its agent has not reported yet")
    counts = status.summary
    numbers = (counts.pairs, counts.free, counts.on_vf, counts.revoked24h)
    return (node.name, *map(str, numbers), status.agent.version, _ready(status))


def _ready(status: NodeStatus) -> str:
    """Return the agent's own reason for not being ready."""
    for one in status.conditions:
        if one.type == "Ready" and one.status is not Truth.TRUE:
            return f"{one.reason}: {one.message}"
    return "True"


def _path(path: Path, verbs_mismatch: str | None) -> str:
    """Which way frames go: with a mismatch of verbs devices it is not the fast path."""
    return "VF, wrong verbs device" if verbs_mismatch else path.value


def _since(when: str | None, *, now: float) -> str:
    return _NONE if when is None else age(when, now=now)


def _announced(one: PodPairStatus) -> str:
    return f"{one.announced} ({one.reason})" if one.reason else one.announced or _NONE


def _holder(pair: PairStatus) -> str:
    held = pair.allocation
    return f"{held.namespace}/{held.pod}" if held else _NONE


def _outage(seconds: float | None) -> str:
    return _NONE if seconds is None else f"{seconds:.1f}s"


def events(found: Iterable[Object], *, now: float, wide: bool = False) -> list[Row]:
    """Return a line for each event (events.k8s.io/v1), the newest last."""
    more = ("TYPE", "COUNT", "FIRST-SEEN") if wide else ()
    rows = [("LAST-SEEN", *more, "REASON", "OBJECT", "NOTE")]
    return [*rows, *(_event(one, now=now, wide=wide) for one in sorted(found, key=_seen))]


def _seen(event: Object) -> str:
    return str((event.get("series") or {}).get("lastObservedTime") or event.get("eventTime") or "")


def _event(event: Object, *, now: float, wide: bool) -> Row:
    about = event.get("regarding") or {}
    name = "/".join(str(about[key]) for key in ("namespace", "name") if about.get(key))
    kind = str(about.get("kind", "")).lower()
    seen = _since(_seen(event) or None, now=now)
    more = _counted(event, now=now) if wide else ()
    reason, note = str(event.get("reason", "")), str(event.get("note", ""))
    return (seen, *more, reason, f"{kind} {name}", note)


def _counted(event: Object, *, now: float) -> Row:
    count = (event.get("series") or {}).get("count", 1)
    return (str(event.get("type", "")), str(count), _since(event.get("eventTime"), now=now))


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
