"""Which pools are in force, what nodes get of them, and what a NetvscPool's status says."""

from __future__ import annotations

import json
from typing import Any

from netvsc.model.pool import pools_from
from netvsc.model.status import Foreign, ForeignState, PoolStatus
from netvsc_operator.controller.pools import node_spec, status
from netvsc_operator.controller.pools.status import PoolTotals
from netvsc_operator.pools.registry import ANNOTATION, PoolEntry, registry_of

Object = dict[str, Any]
NOW = "2026-01-02T03:04:05.000000Z"
FOREIGN = Foreign(interface="eth1", owner="dra.net", state=ForeignState.LISTED)


def pool(name: str, *, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> Object:
    meta = {"name": name, "creationTimestamp": created, "generation": 2}
    return {"metadata": meta, "spec": spec}


def one(thing: Object, *others: Object) -> PoolEntry:
    return next(j for j in registry_of([thing, *others]).entries if j.object is thing)


def conditions(judged: PoolEntry, total: PoolTotals = PoolTotals()) -> dict[str, Object]:  # noqa: B008 (frozen)
    told = status.status(judged, total, now=NOW)["conditions"]
    return {condition["type"]: condition for condition in told}


def test_pools_come_sorted_as_agents_sort_them() -> None:
    found = registry_of([pool("b"), pool("a"), pool("z", priority=5)])
    assert [one.pool.name for one in found.pools] == ["z", "a", "b"]
    compiled = node_spec.selected({}, found.pools)
    assert [one.name for one in pools_from({"pools": compiled})] == ["z", "a", "b"]


def test_a_node_gets_the_pools_that_select_it_without_the_selector() -> None:
    found = registry_of(
        [pool("here", nodeSelector={"zone": "a"}), pool("there", nodeSelector={"x": "y"})]
    )
    assert node_spec.selected({"zone": "a", "more": "labels"}, found.pools) == [{"name": "here"}]


def test_a_pool_that_is_refused_keeps_its_last_good_version_and_says_why() -> None:
    bad = pool("pair", mode="sideways")
    bad["metadata"]["annotations"] = {ANNOTATION: json.dumps({"priority": 3})}
    judged = one(bad)
    assert judged.pool
    assert judged.pool.priority == 3
    accepted = conditions(judged)["Accepted"]
    assert accepted["status"] == "False"
    assert "spec.mode: is 'sideways'" in accepted["message"]
    assert "the last good version stays in force" in accepted["message"]


def test_a_pool_that_never_was_good_serves_nobody() -> None:
    bad = pool("pair", mode="sideways")
    bad["metadata"]["annotations"] = {ANNOTATION: "{broken"}
    assert registry_of([bad]).pools == ()
    assert "never had a good version" in conditions(one(bad))["Accepted"]["message"]


def test_of_two_pools_with_one_resource_the_older_stays_whatever_the_priority() -> None:
    old = pool("old", resource="netvsc.io/pair")
    new = pool("new", created="2026-01-02T00:00:00Z", resource="netvsc.io/pair", priority=9)
    assert [found.pool.name for found in registry_of([new, old]).pools] == ["old"]
    assert conditions(one(old, new))["Conflict"]["status"] == "False"
    clash = conditions(one(new, old))["Conflict"]
    assert clash["status"] == "True"
    assert "netvsc.io/pair is NetvscPool old's already" in clash["message"]


def test_what_no_node_has_is_unmatched_and_what_one_has_is_not() -> None:
    def said(*unmatched: str) -> PoolStatus:
        return PoolStatus(name="p", resource="netvsc.io/p", pairs=2, free=1, unmatched=unmatched)

    total = status.totals([["p"], ["p"], ["p"]], [(said("eth7", "eth8"),), (said("eth8"),)])["p"]
    assert (total.nodes, total.pairs, total.free) == (3, 4, 2)
    told = conditions(one(pool("p")), total)["Unmatched"]
    assert (told["status"], told["message"]) == ("True", "no node has eth8")


def test_the_time_of_a_condition_stays_while_its_status_does() -> None:
    thing = pool("p")
    thing["status"] = status.status(one(pool("p")), PoolTotals(), now="then")
    assert conditions(one(thing))["Accepted"]["lastTransitionTime"] == "then"
    total = PoolTotals(unmatched=frozenset({"eth9"}))
    assert conditions(one(thing), total)["Unmatched"]["lastTransitionTime"] == NOW


def test_a_netvscnode_that_is_as_it_is_to_be_needs_no_patch() -> None:
    pools = [{"name": "pair"}]
    there = node_spec.made("n1", uid="u", pools=pools, foreign=[FOREIGN])
    assert node_spec.repaired(there, uid="u", pools=pools, foreign=[FOREIGN]) == {}
    assert node_spec.digest_of(there) == node_spec.digest(pools, [FOREIGN])


def test_a_patch_touches_what_differs_and_leaves_orders_alone() -> None:
    there = node_spec.made("n1", uid="u", pools=[{"name": "pair"}], foreign=[])
    there["spec"] |= {"announce": {"00-0d-3a-c0-00-11": 3}, "uninstall": True}
    assert node_spec.repaired(there, uid="u", pools=[], foreign=None) == {"spec": {"pools": []}}
    patch = node_spec.repaired(there, uid="new", pools=[{"name": "pair"}], foreign=[FOREIGN])
    assert patch["spec"] == {
        "foreign": [{"interface": "eth1", "owner": "dra.net", "state": "listed"}]
    }
    assert patch["metadata"]["ownerReferences"][0]["uid"] == "new"
