"""NetvscPool.status: how many nodes, pairs and free ones a pool has, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netvsc.encoding.serialize import to_plain
from netvsc.model.status import Condition, PoolStatus, Truth
from netvsc_operator.objects import Object
from netvsc_operator.pools.registry import PoolEntry

_SHOWN = 20  # names in a message; a pool may name a thousand NICs


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTotals:
    """Over the nodes that a pool selects; `unmatched` is what no node has that reported."""

    nodes: int = 0
    pairs: int = 0
    free: int = 0
    unmatched: frozenset[str] = frozenset()


def totals(
    selected: Iterable[Iterable[str]], reported: Iterable[Iterable[PoolStatus]]
) -> Mapping[str, PoolTotals]:
    """Add up: `selected` has pool names for each Node, `reported` what each agent says."""
    nodes: dict[str, int] = {}
    for names in selected:
        for name in names:
            nodes[name] = nodes.get(name, 0) + 1
    found = {name: PoolTotals(nodes=number) for name, number in nodes.items()}
    missing: dict[str, frozenset[str]] = {}
    for pools in reported:
        for one in pools:
            before = found.get(one.name, PoolTotals())
            lacks = frozenset(one.unmatched)
            missing[one.name] = missing.get(one.name, lacks) & lacks
            found[one.name] = PoolTotals(
                nodes=before.nodes,
                pairs=before.pairs + one.pairs,
                free=before.free + one.free,
                unmatched=missing[one.name],
            )
    return found


def status(one: PoolEntry, total: PoolTotals, *, now: str) -> Object:
    """Return the status to write; times of conditions that stay are kept."""
    before = {
        old.get("type"): old
        for old in (one.object.get("status") or {}).get("conditions") or []
        if isinstance(old, dict)
    }
    return {
        "observedGeneration": one.object["metadata"].get("generation", 0),
        **({"resource": one.pool.resource} if one.pool else {}),
        "nodes": total.nodes,
        "pairs": total.pairs,
        "free": total.free,
        "conditions": [
            to_plain(_since(condition, before.get(condition.type)))
            for condition in _conditions(one, total, now=now)
        ],
    }


def _since(condition: Condition, before: Object | None) -> Condition:
    if before is None or before.get("status") != condition.status.value:
        return condition
    return Condition(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        message=condition.message,
        last_transition_time=str(before.get("lastTransitionTime")),
    )


def _conditions(one: PoolEntry, total: PoolTotals, *, now: str) -> list[Condition]:
    return [
        _accepted(one, now),
        _problem("Unmatched", "NotFound", _unmatched(total), now=now, fine="AllFound"),
        _problem("Conflict", "ResourceTaken", one.conflict, now=now, fine="NoConflict"),
    ]


def _accepted(one: PoolEntry, now: str) -> Condition:
    if one.refusal is None:
        return _condition("Accepted", Truth.TRUE, "Valid", "this version is in force", now)
    kept = "the last good version stays in force" if one.pool else "it never had a good version"
    return _condition("Accepted", Truth.FALSE, "Refused", f"{one.refusal}; {kept}", now)


def _unmatched(total: PoolTotals) -> str | None:
    names = sorted(total.unmatched)
    if not names:
        return None
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"no node has {', '.join(names[:_SHOWN])}{more}"


def _problem(kind: str, reason: str, message: str | None, *, now: str, fine: str) -> Condition:
    if message:
        return _condition(kind, Truth.TRUE, reason, message, now)
    return _condition(kind, Truth.FALSE, fine, "", now)


def _condition(kind: str, truth: Truth, reason: str, message: str, now: str) -> Condition:
    return Condition(
        type=kind, status=truth, reason=reason, message=message, last_transition_time=now
    )
