"""What holds for every host, in whatever order its interfaces came."""

from collections import Counter
from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from netvsc.model.pair import Inventory
from netvsc_deviceplugin.inventory.match import Policy, inventory_of
from netvsc_deviceplugin.kernel.links import above
from sim.kernel.links import LinkList, mac_of


@dataclass(frozen=True)
class Nic:
    """A NIC to be: does it have a VF, has that joined, which function, what stands on it."""

    number: int
    has_vf: bool
    joined: bool
    function: int
    stacked: str | None
    routed: bool


nics = st.lists(
    st.builds(
        Nic,
        number=st.integers(1, 40),
        has_vf=st.booleans(),
        joined=st.booleans(),
        function=st.integers(1, 3),
        stacked=st.sampled_from([None, "vlan", "bond", "macvlan"]),
        routed=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda nic: nic.number,
)


def arrive(plan: list[Nic], order: list[int]) -> LinkList:
    """Let the interfaces of a plan come up in an order: each gets the next ifindex.

    A VF and what is stacked come after their NetVSC, as in a kernel, but in any order otherwise.
    """
    host = LinkList()
    for nic in sorted(plan, key=lambda nic: order[nic.number]):
        host.netvsc(nic.number)
    by_name = {link.name: link for link in host.links}
    for nic in sorted(plan, key=lambda nic: order[-nic.number]):
        netvsc = by_name[f"eth{nic.number}"]
        if nic.has_vf:
            pci = f"{nic.function:04x}:00:00.0"
            host.vf(nic.number, master=netvsc if nic.joined else None, pci=pci)
        top = netvsc
        if nic.stacked:
            name = f"{nic.stacked}{nic.number}"
            lower = netvsc.ifindex
            top = host.add(name, mac_of(nic.number), kind=nic.stacked, lower=lower)
        if nic.routed:
            host.default_route(top)
    return host


def look(host: LinkList) -> Inventory:
    return inventory_of(host.links, host.devices, host.routes, Policy())


def without_indexes(inventory: Inventory) -> tuple[object, ...]:
    pairs = [
        (p.id, p.netvsc, p.path, p.pool, p.vf and (p.vf.interface, p.vf.pci))
        for p in inventory.pairs
    ]
    return (pairs, inventory.excluded, inventory.conflicts)


orders = st.permutations(range(81))


@given(nics, orders, orders)
def test_the_order_in_which_interfaces_came_changes_nothing(
    plan: list[Nic], one: list[int], other: list[int]
) -> None:
    assert without_indexes(look(arrive(plan, one))) == without_indexes(look(arrive(plan, other)))


@given(nics, orders, st.randoms(use_true_random=False))
def test_the_order_of_the_dump_changes_nothing(
    plan: list[Nic], order: list[int], dice: Random
) -> None:
    host = arrive(plan, order)
    before = look(host)
    dice.shuffle(host.links)
    assert look(host) == before


@given(nics, orders)
def test_the_uplink_is_never_offered(plan: list[Nic], order: list[int]) -> None:
    host = arrive(plan, order)
    routed = {route.ifindex for route in host.routes}
    for pair in look(host).pairs:
        assert not above(host.links, [pair.ifindex]) & routed


@given(nics, orders)
def test_no_netdev_is_in_two_pairs(plan: list[Nic], order: list[int]) -> None:
    found = look(arrive(plan, order))
    used = Counter(pair.ifindex for pair in found.pairs)
    used.update(pair.vf.ifindex for pair in found.pairs if pair.vf)
    assert all(count == 1 for count in used.values())


@given(nics, orders)
def test_every_netvsc_is_a_pair_or_excluded_with_a_reason(
    plan: list[Nic], order: list[int]
) -> None:
    found = look(arrive(plan, order))
    offered = [pair.netvsc for pair in found.pairs]
    refused = [item.interface for item in found.excluded if item.message]
    assert sorted(offered + refused) == sorted(f"eth{nic.number}" for nic in plan)


@given(st.integers(1, 0xFFFF), st.booleans(), st.sampled_from(["eth7", "rename3", "enP1s1"]))
def test_the_id_of_a_pair_is_its_mac_whatever_else_changes(
    number: int, has_vf: bool, name: str
) -> None:
    host = LinkList()
    netvsc = host.netvsc(number, name=name)
    if has_vf:
        host.vf(number, master=netvsc, pci="0001:00:00.0")
    assert [pair.id for pair in look(host).pairs] == [mac_of(number).replace(":", "-")]
