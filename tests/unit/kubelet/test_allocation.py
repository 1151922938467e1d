"""What a container gets with its pairs."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace

import pytest

from netvsc.model.pair import Pair
from netvsc.model.pool import BUILT_IN, Pool, Verbs
from netvsc_deviceplugin.kubelet.devices.allocation import Grant, grant, variable
from sim.kubelet.inventories import pair, revoked

ALL = {"/dev/net/tun", "/dev/infiniband/rdma_cm"} | {f"/dev/infiniband/uverbs{n}" for n in (1, 2)}
SHARED = replace(BUILT_IN, verbs=Verbs.POOL)


def granted(
    *pairs: Pair, pool: Pool = BUILT_IN, present: Collection[str] = frozenset(ALL)
) -> Grant:
    stock = (pair(1), pair(2), pair(3))
    return grant(pairs, pool=pool, pool_pairs=stock, present=lambda node: node in present)


def test_a_container_reads_its_pairs_as_json() -> None:
    described = json.loads(granted(pair(1)).env["NETVSC_PAIRS"])
    assert described == [
        {
            "id": "00-0d-3a-c0-00-01",
            "mac": "00:0d:3a:c0:00:01",
            "pool": "pair",
            "netvsc": "eth1",
            "driver": "mlx5_core",
            "numa": 0,
            "mtu": 1500,
            "addresses": ["10.0.0.1/16"],
            "gateways": [],
            "pci": "0001:00:02.0",
        }
    ]


def test_a_container_reads_the_gateways_of_its_pairs() -> None:
    one = replace(
        pair(1),
        addresses=("10.0.0.1/16", "fd00::1/64"),
        gateways=("10.0.0.254", "fe80::1"),
        mtu=3900,
    )
    (described,) = json.loads(granted(one).env["NETVSC_PAIRS"])
    assert described["addresses"] == ["10.0.0.1/16", "fd00::1/64"]
    assert described["gateways"] == ["10.0.0.254", "fe80::1"]
    assert described["mtu"] == 3900


def test_a_pair_without_its_vf_is_described_without_address_and_driver() -> None:
    (described,) = json.loads(granted(revoked(pair(1))).env["NETVSC_PAIRS"])
    assert (described["pci"], described["driver"]) == (None, None)
    assert described["netvsc"] == "eth1"


def test_pairs_of_two_pools_in_one_container_have_a_variable_each() -> None:
    fast = replace(BUILT_IN, name="fast", resource="netvsc.io/fast")
    one, other = granted(pair(1)), granted(pair(2), pool=fast)
    assert one.env["NETVSC_PAIRS_NETVSC_IO_PAIR"] == one.env["NETVSC_PAIRS"]
    assert "NETVSC_PAIRS_NETVSC_IO_FAST" in other.env


def test_sriov_aware_applications_find_their_addresses() -> None:
    env = granted(pair(1), pair(2)).env
    assert env["PCIDEVICE_NETVSC_IO_PAIR"] == "0001:00:02.0,0002:00:02.0"


def test_sriov_aware_applications_find_what_belongs_to_each_address() -> None:
    info = json.loads(granted(pair(2)).env["PCIDEVICE_NETVSC_IO_PAIR_INFO"])
    assert info == {
        "0002:00:02.0": {
            "generic": {"deviceID": "0002:00:02.0"},
            "netvsc": {"id": "00-0d-3a-c0-00-02", "mac": "00:0d:3a:c0:00:02"},
            "rdma": {
                "uverbs": "/dev/infiniband/uverbs2",
                "rdma_cm": "/dev/infiniband/rdma_cm",
            },
        }
    }


def test_of_several_verbs_devices_the_first_is_named() -> None:
    several = pair(1, verbs=("uverbs1", "uverbs2"))
    info = json.loads(granted(several).env["PCIDEVICE_NETVSC_IO_PAIR_INFO"])
    assert info["0001:00:02.0"]["rdma"]["uverbs"] == "/dev/infiniband/uverbs1"


def test_without_any_vf_the_variables_are_there_and_empty() -> None:
    env = granted(revoked(pair(1))).env
    assert env["PCIDEVICE_NETVSC_IO_PAIR"] == ""
    assert env["PCIDEVICE_NETVSC_IO_PAIR_INFO"] == "{}"


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("netvsc.io/pair", "PCIDEVICE_NETVSC_IO_PAIR"),
        ("netvsc.io/fast-25g.a", "PCIDEVICE_NETVSC_IO_FAST_25G_A"),
    ],
)
def test_a_resource_makes_a_name_that_a_shell_can_read(resource: str, name: str) -> None:
    assert variable("PCIDEVICE", resource) == name


def test_a_pair_brings_the_tun_device_and_its_own_verbs_device() -> None:
    assert granted(pair(2)).nodes == (
        "/dev/net/tun",
        "/dev/infiniband/uverbs2",
        "/dev/infiniband/rdma_cm",
    )


def test_without_verbs_the_connection_manager_is_of_no_use() -> None:
    assert granted(pair(1, verbs=())).nodes == ("/dev/net/tun",)


def test_a_device_that_the_host_lacks_is_not_asked_for() -> None:
    held = granted(pair(1), present={"/dev/infiniband/uverbs1"})
    assert held.nodes == ("/dev/infiniband/uverbs1",)
    assert "rdma_cm" not in held.env["PCIDEVICE_NETVSC_IO_PAIR_INFO"]


def test_a_pool_may_give_the_verbs_devices_of_all_its_pairs() -> None:
    held = granted(pair(1), pool=SHARED)
    assert held.nodes[1:3] == ("/dev/infiniband/uverbs1", "/dev/infiniband/uverbs2")
    assert held.verbs == {pair(1).id: ("uverbs1", "uverbs2")}


def test_what_was_given_is_said_for_each_pair_also_when_it_was_nothing() -> None:
    held = granted(pair(1), revoked(pair(2)))
    assert held.verbs == {pair(1).id: ("uverbs1",), pair(2).id: ()}
