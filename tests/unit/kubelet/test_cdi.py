"""The pairs as CDI devices."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import replace

from netvsc.model.pair import Inventory
from netvsc.model.pool import BUILT_IN, Pool, Verbs
from netvsc_deviceplugin.kubelet import device_info
from sim.kubelet.inventories import inventory, pair, revoked

ALL = {"/dev/net/tun", "/dev/infiniband/rdma_cm"} | {f"/dev/infiniband/uverbs{n}" for n in (1, 2)}
FAST = Pool(name="fast", resource="netvsc.io/fast")
TUN = "/dev/net/tun"


def nodes(
    found: Inventory, *pools: Pool, present: Collection[str] = frozenset(ALL)
) -> dict[str, dict[str, tuple[str, ...]]]:
    known = device_info.cdi_nodes(pools or (BUILT_IN,), found, lambda node: node in present)
    return {resource: dict(given) for resource, given in known.items()}


def test_a_pair_is_a_device_with_the_nodes_that_allocate_gives() -> None:
    assert nodes(inventory(pair(1), revoked(pair(2)))) == {
        "netvsc.io/pair": {
            pair(1).id: (TUN, "/dev/infiniband/uverbs1", "/dev/infiniband/rdma_cm"),
            pair(2).id: (TUN,),
        }
    }


def test_a_pool_that_shares_its_verbs_shares_them_here_too() -> None:
    shared = replace(BUILT_IN, verbs=Verbs.POOL)
    found = nodes(inventory(pair(1), pair(2)), shared)["netvsc.io/pair"]
    assert found[pair(1).id] == found[pair(2).id]
    assert "/dev/infiniband/uverbs2" in found[pair(1).id]


def test_each_resource_has_a_file_of_its_own_and_one_without_devices_none() -> None:
    found = device_info.cdi_files(nodes(inventory(pair(1), pair(2, pool="fast")), BUILT_IN, FAST))
    assert set(found) == {"netvsc.io-pair.json", "netvsc.io-fast.json"}
    assert set(device_info.cdi_files(nodes(inventory(pair(1)), BUILT_IN, FAST))) == {
        "netvsc.io-pair.json"
    }
    assert device_info.cdi_files(nodes(Inventory())) == {}


def test_the_file_is_what_the_specification_says() -> None:
    (content,) = device_info.cdi_files(nodes(inventory(pair(1, verbs=())))).values()
    assert json.loads(content) == {
        "cdiVersion": "0.6.0",
        "kind": "netvsc.io/pair",
        "devices": [
            {
                "name": "00-0d-3a-c0-00-01",
                "containerEdits": {"deviceNodes": [{"path": TUN, "permissions": "rw"}]},
            }
        ],
    }


def test_a_device_without_nodes_would_be_none_and_is_left_out() -> None:
    found = inventory(pair(1), revoked(pair(2)))
    here = nodes(found, present={"/dev/infiniband/uverbs1"})
    assert here == {"netvsc.io/pair": {pair(1).id: ("/dev/infiniband/uverbs1",)}}
    assert nodes(found, present=()) == {}


def test_a_resource_that_is_no_class_has_no_devices() -> None:
    digits = Pool(name="25g", resource="netvsc.io/25g")
    assert nodes(inventory(pair(1, pool="25g")), digits) == {}


def test_names_are_such_as_cdi_takes() -> None:
    for resource, known in nodes(inventory(pair(1), pair(2))).items():
        assert re.fullmatch(r"[a-z0-9.-]+/[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]", resource)
        for name in known:
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]*[A-Za-z0-9]", name)
