"""Which pairs are offered, where two things come together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netvsc.model.pair import Inventory, Reason
from netvsc.model.pool import Pool, pools_from
from netvsc_deviceplugin.inventory.match import Policy, decide, inventory_of
from netvsc_deviceplugin.inventory.pairing import VfMemory, pair_up
from netvsc_deviceplugin.inventory.scan import NetworkState
from sim.kernel.links import LinkList, mac_of

SHARED = "7870:00:00.0"


def pools(*keys: dict[str, object]) -> tuple[Pool, ...]:
    return pools_from({"pools": [{"name": f"p{i}", **one} for i, one in enumerate(keys)]})


def look(host: LinkList, *given: Pool) -> Inventory:
    policy = Policy(pools=given) if given else Policy()
    return inventory_of(host.links, host.devices, host.routes, policy)


def one_pair() -> LinkList:
    host = LinkList()
    host.vf(1, master=host.netvsc(1))
    return host


def test_of_several_pools_that_refuse_the_first_says_why() -> None:
    host = LinkList()
    host.netvsc(1, addresses=("10.0.1.4/24",))
    found = look(host, *pools({"requireVf": True}, {"skipAddressed": True}))
    assert [one.reason for one in found.excluded] == [Reason.REQUIRE_VF]


@pytest.mark.parametrize(
    ("facts", "shared"),
    [({}, True), ({"netns": "pod"}, False), ({"parent_bus": "usb"}, False)],
)
def test_a_function_that_also_carries_the_default_route_of_no_nic_is_shared(
    facts: dict[str, str], shared: bool
) -> None:
    """A VF that joined nothing, with the node's route over it: its NetVSC may be in a pod."""
    host = LinkList()
    host.vf(1, master=host.netvsc(1), pci=SHARED, driver="mana")
    bare = host.add("enP1", mac_of(9), **({"parent_bus": "pci", "parent": SHARED} | facts))
    host.default_route(bare)
    reasons = [one.reason for one in look(host).excluded]
    assert reasons == ([Reason.SHARED_FUNCTION] if shared else [])


def test_a_vf_that_is_there_tells_the_numa_node_and_not_the_one_before() -> None:
    host = one_pair()
    host.devices.pci["0001:00:02.0"] = replace(host.devices.pci["0001:00:02.0"], numa_node=1)
    nics, conflicts = pair_up(host.links, host.devices, [])
    memory = {nics[0].id: VfMemory(pci="old", driver="mlx5_core", numa_node=0)}
    network = NetworkState(links=host.links, routes=[])
    found = decide(nics, conflicts, network, Policy(), memory=memory)
    assert found.pairs[0].numa_node == 1


def test_a_pair_names_its_vmbus_device_and_a_forced_netdev_has_none() -> None:
    host = one_pair()
    host.add("veth7", mac_of(7), kind="veth", parent_bus="virtio", parent="virtio0")
    forced = pools({"force": True, "selector": {"interfaces": ["veth7", "eth1"]}})
    assert [pair.vmbus for pair in look(host, *forced).pairs] == ["guid-1", None]
