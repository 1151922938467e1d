"""Pools by Nodes: what each NetvscNode's spec is to be. Pure; only the controller's own fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from netvsc.encoding.serialize import to_plain
from netvsc.model.status import Foreign
from netvsc_operator.kube import NETVSC_NODES
from netvsc_operator.objects import Object
from netvsc_operator.pools.registry import ActivePool

Labels = Mapping[str, str]


def selected(labels: Labels, pools: Sequence[ActivePool]) -> list[Object]:
    """Return the pools that select a Node, as its agent reads them."""
    return [one.compiled for one in pools if matches(labels, one)]


def matches(labels: Labels, one: ActivePool) -> bool:
    return all(labels.get(key) == value for key, value in one.pool.node_selector)


def made(name: str, *, uid: str, pools: list[Object], foreign: Sequence[Foreign]) -> Object:
    """Return a new NetvscNode; with its Node it goes."""
    return {
        "apiVersion": NETVSC_NODES.api_version,
        "kind": "NetvscNode",
        "metadata": {"name": name, "ownerReferences": [owner(name, uid=uid)]},
        "spec": {"pools": pools, "foreign": [to_plain(one) for one in foreign]},
    }


def owner(name: str, *, uid: str) -> Object:
    return {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uid}


def repaired(
    there: Object, *, uid: str, pools: list[Object], foreign: Sequence[Foreign] | None
) -> Object:
    """Return the merge patch that makes a NetvscNode as it is to be, empty if it is so.

    `foreign` None: not known yet, so it stays as it is.
    """
    spec = there.get("spec") or {}
    change: Object = {}
    if (spec.get("pools") or []) != pools:
        change["pools"] = pools
    if foreign is not None:
        wanted = [to_plain(one) for one in foreign]
        if (spec.get("foreign") or []) != wanted:
            change["foreign"] = wanted
    patch: Object = {"spec": change} if change else {}
    name, meta = there["metadata"]["name"], there["metadata"]
    if uid not in {one.get("uid") for one in meta.get("ownerReferences") or []}:
        patch["metadata"] = {"ownerReferences": [owner(name, uid=uid)]}
    return patch


def digest(pools: list[Object], foreign: Sequence[Foreign]) -> int:
    """Return a hash of a spec, to see without the object whether it is as it is to be."""
    return hash(json.dumps([pools, [to_plain(one) for one in foreign]], sort_keys=True))


def digest_of(there: Object) -> int:
    spec = there.get("spec") or {}
    said = [spec.get("pools") or [], spec.get("foreign") or []]
    return hash(json.dumps(said, sort_keys=True))
