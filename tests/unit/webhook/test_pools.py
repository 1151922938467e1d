"""The pools as the webhook has them: whole, in their last good version, never none by mistake."""

from __future__ import annotations

import json

from netvsc.model.pool import BUILT_IN, Pool
from netvsc_operator.kube import Applied, Listed, Removed
from netvsc_operator.objects import Object
from netvsc_operator.webhook.pool_cache import PoolCache

OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z"


def made(name: str, created: str = OLD, **spec: object) -> Object:
    meta = {"name": name, "uid": f"{name} of {created}", "creationTimestamp": created}
    return {"metadata": meta, "spec": spec}


def resources(pools: PoolCache) -> dict[str, str]:
    assert pools.by_resource is not None
    return {resource: pool.name for resource, pool in pools.by_resource.items()}


def test_before_they_are_listed_they_are_unknown_and_not_none() -> None:
    pools = PoolCache()
    assert pools.by_resource is None
    assert "not listed" in (pools.trouble() or "")
    pools.take(Listed(()))
    assert pools.by_resource == {}
    assert pools.trouble() is None


def test_pools_come_change_and_go() -> None:
    pools = PoolCache()
    pools.take(Listed((made("pair"), made("lab", resource="netvsc.io/test"))))
    assert resources(pools) == {"netvsc.io/pair": "pair", "netvsc.io/test": "lab"}
    pools.take(Applied(made("lab", resource="netvsc.io/lab")))
    assert resources(pools) == {"netvsc.io/pair": "pair", "netvsc.io/lab": "lab"}
    pools.take(Removed(made("lab")))
    assert resources(pools) == {"netvsc.io/pair": "pair"}


def test_a_pool_that_went_while_nobody_watched_is_gone() -> None:
    pools = PoolCache()
    pools.take(Listed((made("pair"), made("lab"))))
    pools.take(Listed((made("pair"),)))
    assert resources(pools) == {"netvsc.io/pair": "pair"}


def test_a_bad_change_leaves_the_last_good_version_in_force() -> None:
    pools = PoolCache()
    pools.take(Listed((made("pair", interfacePrefix="data"),)))
    pools.take(Applied(made("pair", interfacePrefix="data", hotplugPollMs=0)))
    assert pools.by_resource
    assert pools.by_resource["netvsc.io/pair"].interface_prefix == "data"
    pools.take(Listed((made("pair", hotplugPollMs=0),)))
    assert pools.by_resource["netvsc.io/pair"].interface_prefix == "data"


def test_a_bad_pool_inherits_nothing_from_the_good_one_whose_name_it_has() -> None:
    """Deleted and made anew while nobody watched: it has no last good version."""
    pools, other = PoolCache(), made("lab", resource="netvsc.io/lab")
    pools.take(Listed((made("pair", OLD, interfacePrefix="data"), other)))
    pools.take(Listed((made("pair", NEW, hotplugPollMs=0), other)))
    assert resources(pools) == {"netvsc.io/lab": "lab"}


def test_after_a_restart_the_last_good_version_is_the_one_that_the_controller_kept() -> None:
    bad = made("pair", hotplugPollMs=0)
    bad["metadata"]["annotations"] = {
        "netvsc.io/last-accepted": json.dumps({"interfacePrefix": "data"})
    }
    pools = PoolCache()
    pools.take(Listed((bad, made("lab", hotplugPollMs=0))))
    assert resources(pools) == {"netvsc.io/pair": "pair"}
    assert pools.by_resource
    assert pools.by_resource["netvsc.io/pair"].interface_prefix == "data"


def test_of_two_with_one_resource_the_older_has_it() -> None:
    pools = PoolCache()
    pools.take(Listed((made("a", NEW, resource="netvsc.io/x"), made("z", resource="netvsc.io/x"))))
    assert resources(pools) == {"netvsc.io/x": "z"}
    pools.take(Removed(made("z")))
    assert resources(pools) == {"netvsc.io/x": "a"}


def test_pools_of_a_file_are_known_at_once() -> None:
    pools = PoolCache()
    pools.set([BUILT_IN, Pool(name="lab", resource="netvsc.io/lab")])
    assert resources(pools) == {"netvsc.io/pair": "pair", "netvsc.io/lab": "lab"}
    assert pools.trouble() is None
