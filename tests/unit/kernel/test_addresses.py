"""A NIC's own addresses, when the kernel and Azure both have a say."""

from __future__ import annotations

from netvsc.model.pair import Inventory
from netvsc.model.pool import pools_from
from netvsc_deviceplugin.inventory.match import Policy, inventory_of
from netvsc_deviceplugin.inventory.scan import NetworkState, with_azure
from netvsc_deviceplugin.kernel.addresses import NicAddresses, merge
from sim.kernel.links import LinkList, mac_of

TOLD = NicAddresses(addresses=("10.0.1.4/24", "10.0.1.5/24", "fd00::4/128"), gateways=("10.0.1.1",))


def test_where_the_kernel_knows_nothing_azure_is_believed() -> None:
    assert merge(NicAddresses(), TOLD) == TOLD


def test_what_the_kernel_has_comes_before_what_azure_tells() -> None:
    found = merge(NicAddresses(addresses=("10.0.1.4/26",)), TOLD)
    assert found.addresses == ("10.0.1.4/26", "fd00::4/128")


def test_without_azure_the_kernel_is_all() -> None:
    kernel = NicAddresses(addresses=("10.0.1.4/24",), gateways=("10.0.1.254", "fe80::1"))
    assert merge(kernel, NicAddresses()) == kernel


def test_the_kernels_gateway_comes_before_azures_and_there_is_one_of_each_family() -> None:
    kernel = NicAddresses(
        addresses=("10.0.1.4/24",), gateways=("10.0.1.254", "10.0.1.253", "fe80::1")
    )
    assert merge(kernel, TOLD).gateways == ("10.0.1.254", "fe80::1")


def test_azures_gateway_completes_the_kernels_address_of_that_subnet() -> None:
    assert merge(NicAddresses(addresses=("10.0.1.4/24",)), TOLD).gateways == ("10.0.1.1",)


def test_a_gateway_that_none_of_the_addresses_can_reach_is_none() -> None:
    assert merge(NicAddresses(addresses=("192.0.2.4/24",)), TOLD).gateways == ()


def test_the_gateway_of_an_address_is_of_its_family() -> None:
    own = NicAddresses(addresses=("10.0.1.4/24", "fd00::4/64"), gateways=("fe80::1", "10.0.1.1"))
    assert [own.gateway(one) for one in own.addresses] == ["10.0.1.1", "fe80::1"]


def look(told: NicAddresses, *, kernel: tuple[str, ...] = (), **keys: object) -> Inventory:
    """Return what a node with one NIC of these addresses offers in a pool with these keys."""
    host = LinkList()
    host.netvsc(1, addresses=kernel)
    network = with_azure(NetworkState(links=host.links, routes=()), {mac_of(1): told})
    pools = pools_from({"pools": [{"name": "pair", **keys}]})
    return inventory_of(network.links, host.devices, network.routes, Policy(pools=pools))


def test_a_pair_has_the_addresses_and_gateways_that_azure_tells_of_its_mac() -> None:
    (pair,) = look(TOLD).pairs
    assert (pair.addresses, pair.gateways) == (TOLD.addresses, TOLD.gateways)


def test_a_pool_selects_by_the_subnets_of_either() -> None:
    for subnet, found in (("10.0.1.0/24", 1), ("fd00::/64", 1), ("10.0.2.0/24", 0)):
        assert len(look(TOLD, selector={"subnets": [subnet]}).pairs) == found
    assert look(TOLD, kernel=("10.0.2.4/24",), selector={"subnets": ["10.0.2.0/24"]}).pairs


def test_a_pool_that_skips_addressed_nics_asks_the_kernel_alone() -> None:
    assert look(TOLD, skipAddressed=True).pairs
    assert not look(TOLD, kernel=("10.0.1.4/24",), skipAddressed=True).pairs
