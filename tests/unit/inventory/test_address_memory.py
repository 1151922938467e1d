"""A pod may call itself what it likes; the NIC keeps the addresses it had at home."""

from netvsc.model.pool import BUILT_IN
from netvsc_deviceplugin.inventory.address_memory import (
    remember_host_addresses,
    with_host_addresses,
)
from netvsc_deviceplugin.inventory.pairing import Nic, pair_up
from netvsc_deviceplugin.kernel.addresses import NicAddresses
from sim.kernel.links import LinkList

OWN = ("10.0.1.4/24",)


def nic(*, netns: str | None, addresses: tuple[str, ...]) -> Nic:
    links = LinkList()
    links.netvsc(1, netns=netns, addresses=addresses)
    (found,), _ = pair_up(tuple(links.links), links.devices, (BUILT_IN,))
    return found


def shown(one: Nic, known: dict[str, NicAddresses]) -> tuple[str, ...]:
    (found,) = with_host_addresses([one], known)
    return found.netvsc.addresses


def test_in_a_pod_a_nic_keeps_what_it_had_at_home_whatever_the_pod_configured() -> None:
    known = remember_host_addresses({}, [nic(netns=None, addresses=OWN)])
    inside = nic(netns="pod", addresses=("192.0.2.66/24",))
    assert shown(inside, remember_host_addresses(known, [inside])) == OWN


def test_an_agent_that_never_saw_it_at_home_knows_no_address_of_it() -> None:
    inside = nic(netns="pod", addresses=("192.0.2.66/24",))
    assert shown(inside, remember_host_addresses({}, [inside])) == ()


def test_at_home_the_kernel_has_the_last_word() -> None:
    before = remember_host_addresses({}, [nic(netns=None, addresses=OWN)])
    home = nic(netns=None, addresses=())
    assert shown(home, remember_host_addresses(before, [home])) == ()
