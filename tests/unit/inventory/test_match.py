"""Which pairs are offered, and why the others are not."""

from dataclasses import replace
from typing import Any

import pytest

from netvsc.model.pair import Clash, Inventory, Path, Reason, Uplink, VfSeen
from netvsc.model.pool import Pool, pools_from
from netvsc.model.status import Foreign, ForeignState
from netvsc_deviceplugin.inventory.match import Policy, claim_on, decide, inventory_of
from netvsc_deviceplugin.inventory.pairing import pair_up, remember
from netvsc_deviceplugin.inventory.scan import NetworkState
from sim.kernel.links import LinkList, mac_of


def pool(**keys: object) -> tuple[Pool, ...]:
    return pools_from({"pools": [{"name": "pair", **keys}]})


def look(host: LinkList, *pools: Pool, allocated: dict[str, str] | None = None) -> Inventory:
    policy = Policy(pools=pools, allocated=allocated or {}) if pools else Policy()
    return inventory_of(host.links, host.devices, host.routes, policy)


def reasons(inventory: Inventory) -> dict[str, Reason]:
    return {item.interface: item.reason for item in inventory.excluded}


def one_pair() -> LinkList:
    host = LinkList()
    host.vf(1, master=host.netvsc(1))
    return host


def test_a_netvsc_and_its_vf_are_a_pair_named_by_their_mac() -> None:
    (pair,) = look(one_pair()).pairs
    assert (pair.id, pair.netvsc, pair.path) == ("00-0d-3a-c0-00-01", "eth1", Path.VF)
    assert pair.vf
    assert (pair.vf.pci, pair.uplink) == ("0001:00:02.0", Uplink.NO)


def test_a_vf_that_has_not_joined_yet_is_seen_and_carries_nothing() -> None:
    host = LinkList()
    host.netvsc(1)
    host.vf(1)
    (pair,) = look(host).pairs
    assert pair.vf
    assert (pair.path, pair.vf_seen) == (Path.SYNTHETIC, VfSeen.PRESENT)


def test_a_vf_without_its_driver_has_none() -> None:
    host = LinkList()
    host.vf(1, master=host.netvsc(1), driver="")
    (pair,) = look(host).pairs
    assert pair.vf
    assert not pair.vf.driver


def test_a_master_in_another_netns_is_no_master() -> None:
    """After the NetVSC moved into a pod, the VF at home still shows its ifindex there."""
    host = LinkList()
    netvsc = host.netvsc(1, netns="pod")
    host.vf(1, master=netvsc)
    (pair,) = look(host).pairs
    assert (pair.netns, pair.vf) == ("pod", None)


@pytest.mark.parametrize("family", [4, 6])
def test_the_uplink_is_never_offered(family: int) -> None:
    host = one_pair()
    host.default_route(host.links[0], family=family)
    assert reasons(look(host)) == {"eth1": Reason.DEFAULT_ROUTE}
    assert f"IPv{family}" in look(host).excluded[0].message


def test_a_default_route_over_the_vf_itself_makes_an_uplink() -> None:
    host = one_pair()
    host.default_route(host.links[1])
    assert reasons(look(host)) == {"eth1": Reason.DEFAULT_ROUTE}


@pytest.mark.parametrize("kind", ["vlan", "macvlan", "ipvlan"])
def test_a_default_route_over_what_stands_on_a_netvsc_makes_an_uplink(kind: str) -> None:
    host = one_pair()
    host.default_route(host.add("eth1.7", mac_of(1), kind=kind, lower=host.links[0].ifindex))
    assert reasons(look(host)) == {"eth1": Reason.DEFAULT_ROUTE}


def test_a_default_route_over_a_vlan_on_a_bond_of_two_netvscs_makes_two_uplinks() -> None:
    host = LinkList()
    bond = host.add("bond0", mac_of(1), kind="bond")
    host.netvsc(1, master=bond.ifindex)
    host.netvsc(2, master=bond.ifindex)
    host.default_route(host.add("bond0.7", mac_of(1), kind="vlan", lower=bond.ifindex))
    assert reasons(look(host)) == {"eth1": Reason.DEFAULT_ROUTE, "eth2": Reason.DEFAULT_ROUTE}


def test_a_default_route_over_an_open_vswitch_port_makes_uplinks_of_all_its_ports() -> None:
    host = LinkList()
    datapath = host.add("ovs-system", "aa:00:00:00:00:01", kind="openvswitch")
    host.netvsc(1, master=datapath.ifindex)
    host.default_route(host.add("br-ex", mac_of(1), kind="openvswitch"))
    assert reasons(look(host)) == {"eth1": Reason.DEFAULT_ROUTE}


def test_the_peer_of_a_veth_stands_on_nothing() -> None:
    host = one_pair()
    host.default_route(host.add("veth0", mac_of(9), kind="veth", lower=host.links[0].ifindex))
    assert [pair.netvsc for pair in look(host).pairs] == ["eth1"]


def test_a_default_route_in_any_table_counts_and_the_message_names_it() -> None:
    host = one_pair()
    host.default_route(host.links[0], table=200)
    assert "table 200" in look(host).excluded[0].message


def test_two_vfs_that_joined_one_netvsc_are_a_conflict_and_neither_is_the_pairs() -> None:
    host = one_pair()
    host.vf(1, master=host.links[0], pci="0002:00:02.0")
    found = look(host)
    assert [(c.interface, c.reason) for c in found.conflicts] == [("eth1", Clash.TWO_VFS)]
    assert found.pairs[0].vf is None


def test_what_has_joined_beats_what_only_has_the_mac() -> None:
    host = one_pair()
    host.vf(1, pci="0002:00:02.0")
    found = look(host)
    assert found.conflicts == ()
    assert found.pairs[0].vf
    assert found.pairs[0].vf.pci == "0001:00:02.0"


def test_two_netvscs_of_one_mac_are_a_conflict_and_neither_is_a_pair() -> None:
    host = LinkList()
    host.netvsc(1)
    host.netvsc(1, name="eth7")
    found = look(host)
    assert found.pairs == ()
    assert {c.interface: c.reason for c in found.conflicts} == dict.fromkeys(
        ("eth1", "eth7"), Clash.SAME_MAC
    )


def test_pairs_come_in_the_natural_order_of_their_interfaces() -> None:
    host = LinkList()
    for number in (10, 2, 1):
        host.netvsc(number)
    assert [pair.netvsc for pair in look(host).pairs] == ["eth1", "eth2", "eth10"]


class TestPools:
    """A pair belongs to the first pool, by priority and name, that takes it."""

    def test_the_higher_priority_comes_first_then_the_name(self) -> None:
        pools = pools_from(
            {"pools": [{"name": "b"}, {"name": "a"}, {"name": "z", "priority": 1}]},
        )
        assert [p.name for p in pools] == ["z", "a", "b"]
        assert look(one_pair(), *pools).pairs[0].pool == "z"

    @pytest.mark.parametrize(
        "selector",
        [
            {"macs": ["00-0D-3A-C0-00-01"]},
            {"interfaces": ["eth*"]},
            {"drivers": ["mana", "mlx5_core"]},
            {"numaNodes": [0]},
            {"subnets": ["10.0.1.0/24"]},
        ],
    )
    def test_a_selector_takes_what_each_of_its_keys_matches(self, selector: object) -> None:
        host = one_pair()
        host.netvsc(2, addresses=("192.0.2.4/24",))
        host.links[0] = replace(host.links[0], addresses=("10.0.1.4/24",))
        if "interfaces" in str(selector):
            host.links[2] = replace(host.links[2], name="azure0")
        found = look(host, *pool(selector=selector))
        assert [pair.netvsc for pair in found.pairs] == ["eth1"]
        assert set(reasons(found).values()) == {Reason.NOT_SELECTED}

    def test_all_keys_of_a_selector_must_match(self) -> None:
        selector = {"interfaces": ["eth1"], "drivers": ["mana"]}
        assert reasons(look(one_pair(), *pool(selector=selector))) == {"eth1": Reason.NOT_SELECTED}

    def test_skip_addressed_is_dpdks_own_rule(self) -> None:
        host = one_pair()
        host.links[0] = replace(host.links[0], addresses=("10.0.1.4/24",))
        assert look(host).pairs
        assert reasons(look(host, *pool(skipAddressed=True))) == {"eth1": Reason.ADDRESSED}

    def test_a_pool_that_requires_a_vf_leaves_a_nic_that_never_had_one_to_the_next(self) -> None:
        host = one_pair()
        host.netvsc(2)
        pools = pools_from(
            {"pools": [{"name": "fast", "priority": 1, "requireVf": True}, {"name": "any"}]}
        )
        assert {p.netvsc: p.pool for p in look(host, *pools).pairs} == {
            "eth1": "fast",
            "eth2": "any",
        }
        assert reasons(look(host, *pools[:1])) == {"eth2": Reason.REQUIRE_VF}

    def test_an_allocated_pair_stays_in_its_pool_whatever_happens(self) -> None:
        host = one_pair()
        host.default_route(host.links[0])
        found = look(host, *pool(), allocated={"00-0d-3a-c0-00-01": "netvsc.io/pair"})
        assert [(p.pool, p.uplink) for p in found.pairs] == [("pair", Uplink.YES)]
        assert [c.reason for c in found.conflicts] == [Clash.ALLOCATED_BUT_EXCLUDED]

    def test_an_allocated_pair_does_not_change_its_resource_when_the_pools_do(self) -> None:
        found = look(one_pair(), *pool(), allocated={"00-0d-3a-c0-00-01": "netvsc.io/old"})
        assert [pair.pool for pair in found.pairs] == ["old"]
        assert found.conflicts == ()


class TestForce:
    """DPDK's `force`: any netdev plays NetVSC when a pool names it."""

    def test_a_named_netdev_plays_netvsc_and_finds_its_vf_by_mac(self) -> None:
        host = LinkList()
        plain = host.add("ens4", mac_of(1))
        host.vf(1, master=plain)
        (pair,) = look(host, *pool(force=True, selector={"interfaces": ["ens4"]})).pairs
        assert pair.vf
        assert (pair.netvsc, pair.vmbus, pair.vf.pci) == ("ens4", None, "0001:00:02.0")

    def test_a_glob_that_also_names_the_vf_does_not_make_a_netvsc_of_it(self) -> None:
        host = LinkList()
        host.vf(1, master=host.add("ens4", mac_of(1)))
        found = look(host, *pool(force=True, selector={"interfaces": ["ens*", "vf*"]}))
        assert [pair.netvsc for pair in found.pairs] == ["ens4"]
        assert found.conflicts == ()

    def test_what_nobody_named_is_not_even_excluded(self) -> None:
        host = LinkList()
        host.add("docker0", mac_of(1), kind="bridge")
        found = look(host, *pool(force=True, selector={"interfaces": ["ens4"]}))
        assert found == Inventory()

    def test_force_does_not_give_the_uplink_away(self) -> None:
        host = LinkList()
        host.default_route(host.add("ens4", mac_of(1)))
        found = look(host, *pool(force=True, selector={"interfaces": ["ens4"]}))
        assert reasons(found) == {"ens4": Reason.DEFAULT_ROUTE}

    def test_a_pool_without_force_does_not_take_a_forced_netdev(self) -> None:
        host = LinkList()
        host.add("ens4", mac_of(1))
        pools = pools_from(
            {
                "pools": [
                    {"name": "a"},
                    {"name": "lab", "force": True, "selector": {"macs": [mac_of(1)]}},
                ]
            }
        )
        assert [pair.pool for pair in look(host, *pools).pairs] == ["lab"]


class TestMemory:
    """A VF that left changes nothing that the scheduler sees."""

    @staticmethod
    def before_and_after(host: LinkList, without: LinkList, **keys: object) -> list[Inventory]:
        policy = Policy(pools=pool(**keys))
        memory: dict[str, Any] = {}
        found = []
        for now in (host, without):
            nics, conflicts = pair_up(now.links, now.devices, policy.pools)
            memory = remember(memory, nics)
            network = NetworkState(links=now.links, routes=now.routes)
            found.append(decide(nics, conflicts, network, policy, memory=memory))
        return found

    def test_pool_and_numa_node_stay_and_the_vf_counts_as_lost(self) -> None:
        gone = LinkList()
        gone.netvsc(1)
        selector = {"drivers": ["mlx5_core"], "numaNodes": [0]}
        before, after = self.before_and_after(one_pair(), gone, selector=selector, requireVf=True)
        assert (before.pairs[0].vf_seen, after.pairs[0].vf_seen) == (VfSeen.PRESENT, VfSeen.LOST)
        assert before.pairs[0].numa_node == after.pairs[0].numa_node == 0
        assert after.pairs[0].path is Path.SYNTHETIC

    def test_a_vf_whose_device_is_gone_already_changes_nothing_either(self) -> None:
        """A scan sees links first and devices later; in between the device may go."""
        going = one_pair()
        facts = going.devices.pci
        going.devices = replace(
            going.devices,
            pci={k: replace(v, driver=None, numa_node=None) for k, v in facts.items()},
        )
        selector = {"drivers": ["mlx5_core"], "numaNodes": [0]}
        before, after = self.before_and_after(one_pair(), going, selector=selector)
        assert before.pairs[0].numa_node == after.pairs[0].numa_node == 0

    def test_a_function_shared_with_the_uplink_stays_so_while_its_vfs_are_away(self) -> None:
        host, gone = LinkList(), LinkList()
        for side in (host, gone):
            side.default_route(side.netvsc(1))
            side.netvsc(2)
        for number, link in ((1, host.links[0]), (2, host.links[1])):
            host.vf(number, master=link, pci="7870:00:00.0", driver="mana")
        for inventory in self.before_and_after(host, gone):
            assert reasons(inventory)["eth2"] is Reason.SHARED_FUNCTION


class TestForeign:
    """What another driver claims (NetvscNode.spec.foreign)."""

    @staticmethod
    def see(state: ForeignState, *pools: Pool, held: str | None = None) -> Inventory:
        host = one_pair()
        claim = Foreign(interface="eth1", owner="dra.net", state=state)
        policy = Policy(
            pools=pools or Policy().pools,
            allocated={"00-0d-3a-c0-00-01": held} if held else {},
            foreign=(claim,),
        )
        return inventory_of(host.links, host.devices, host.routes, policy)

    def test_a_nic_that_another_driver_gave_away_is_never_ours(self) -> None:
        found = self.see(ForeignState.ALLOCATED, *pool(foreignOwner="ignore"))
        assert reasons(found) == {"eth1": Reason.FOREIGN_ALLOCATED}
        assert found.excluded[0].message == "dra.net has given it to a pod"

    def test_a_nic_that_another_driver_lists_is_ours_where_the_pool_says_so(self) -> None:
        assert reasons(self.see(ForeignState.LISTED)) == {"eth1": Reason.FOREIGN_LISTED}
        assert self.see(ForeignState.LISTED, *pool(foreignOwner="ignore")).excluded == ()

    def test_the_reason_is_told_with_the_way_out(self) -> None:
        (excluded,) = self.see(ForeignState.LISTED).excluded
        assert "foreignOwner: ignore in pool pair" in excluded.message

    @pytest.mark.parametrize("state", list(ForeignState))
    def test_a_pair_in_use_stays_and_the_conflict_is_shown(self, state: ForeignState) -> None:
        found = self.see(state, held="netvsc.io/pair")
        assert [one.netvsc for one in found.pairs] == ["eth1"]
        assert [one.reason for one in found.conflicts] == [Clash.ALLOCATED_BUT_EXCLUDED]
        assert "dra.net" in found.conflicts[0].message

    def test_of_two_claims_the_stronger_counts_and_names_in_pods_are_the_pods_own(self) -> None:
        listed = Foreign(interface="eth1", owner="dra.net", state=ForeignState.LISTED)
        allocated = Foreign(interface="eth1", owner="azure", state=ForeignState.ALLOCATED)
        link = LinkList().netvsc(1)
        assert claim_on(link, (listed, allocated)) == allocated
        assert claim_on(link, ()) is None
        assert claim_on(replace(link, netns="pod"), (listed, allocated)) is None
