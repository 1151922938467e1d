"""A modelled host, live: the real kernel's interfaces and routes yield what the fixture expects."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from netvsc.model.pair import Inventory, Reason
from netvsc.model.pool import BUILT_IN, Pool, pool_from
from netvsc_deviceplugin.inventory.match import Policy, inventory_of
from netvsc_deviceplugin.inventory.scan import ScanSource, scan
from sim.kernel import fixture, netns, timeline
from sim.kernel.host import Host

LIVE = ("f01", "f02", "f03", "f05", "f07", "f09", "f12")


def look(host: Host, pool: Pool = BUILT_IN) -> Inventory:
    source = ScanSource(sysfs=host.sysfs, sim=True)
    world, devices = netns.within(host.netns, lambda: scan(source))
    return inventory_of(world.links, devices, world.routes, Policy(pools=(pool,)))


def told(inventory: Inventory) -> list[tuple[str, str | None, str | None]]:
    return [
        (pair.netvsc, pair.vf and pair.vf.interface, pair.vf and pair.vf.pci)
        for pair in inventory.pairs
    ]


@pytest.fixture
def azure() -> Iterator[Host]:
    """Three NICs: eth0 carries the default route, eth1 and eth2 are pairs."""
    with Host.from_fixture("f02") as host:
        yield host


@pytest.mark.parametrize("name", LIVE)
def test_a_live_host_has_the_pairs_its_fixture_expects(name: str) -> None:
    written = fixture.load(name)
    wanted = fixture.load("f07")["expect"] if name == "f12" else written["expect"]
    pool = pool_from({"name": "pair", **written.get("pool", {})}, ())
    with Host.from_fixture(name) as host:
        found = look(host, pool)
    assert told(found) == [(p["netvsc"], p.get("vf"), p.get("pci")) for p in wanted["pairs"]]
    excluded = {item.interface: item.reason.value for item in found.excluded}
    assert excluded == wanted.get("excluded", {"eth0": "DefaultRoute"})


def test_vfs_that_boot_in_another_order_under_one_transient_name_find_their_netvscs() -> None:
    """Three devices are called eth3 in turn (f02's timeline)."""
    written = fixture.load("f02")
    with Host.from_fixture("f02", with_vfs=False) as host:
        assert [vf for _, vf, _ in told(look(host))] == [None, None]
        timeline.play(host, timeline.steps(written), speed=100)
        found = look(host)
    assert told(found) == [(p["netvsc"], p["vf"], p["pci"]) for p in written["expect"]["pairs"]]


def test_a_recorded_host_servicing_takes_the_vf_and_gives_it_back_under_another_ifindex() -> None:
    written = fixture.load("f07")
    states = []
    with Host.from_fixture("f07") as host:
        before = look(host).pairs[0]
        timeline.play(
            host,
            timeline.steps(written),
            speed=650,
            told=lambda _: states.append(look(host).pairs[0].path.value),
        )
        after = look(host).pairs[0]
    assert [*states, after.path.value] == ["VF", "Synthetic", "Synthetic", "VF", "VF"]
    assert before.vf
    assert after.vf
    assert (after.vf.pci, after.vf.interface) == (before.vf.pci, before.vf.interface)
    assert after.vf.ifindex != before.vf.ifindex
    assert after.id == before.id


@pytest.mark.parametrize("family", [4, 6])
def test_a_default_route_makes_an_uplink_and_its_end_frees_the_pair(
    azure: Host, family: int
) -> None:
    index = azure.ip.index("eth1")
    azure.ip.add_default_route(index, family=family)
    assert {item.interface for item in look(azure).excluded} == {"eth0", "eth1"}
    azure.ip.delete_default_route(index, family=family)
    assert {item.interface for item in look(azure).excluded} == {"eth0"}


def test_a_default_route_through_a_nexthop_object_makes_an_uplink(azure: Host) -> None:
    """With nexthop_compat_mode off the kernel names the object instead of the interface."""
    ip = ["ip", "-n", azure.netns]
    compat = "net.ipv4.nexthop_compat_mode=0"
    enter = ["ip", "netns", "exec", azure.netns]
    subprocess.run([*enter, "sysctl", "-qw", compat], check=True)
    for words in (
        ["nexthop", "add", "id", "7", "via", "10.0.1.1", "dev", "eth1"],
        ["nexthop", "add", "id", "8", "via", "10.0.2.1", "dev", "eth2"],
        ["nexthop", "add", "id", "9", "group", "7/8"],
        ["route", "add", "default", "nhid", "9", "metric", "500"],
    ):
        subprocess.run([*ip, *words], check=True)
    assert {item.interface for item in look(azure).excluded} == {"eth0", "eth1", "eth2"}


def test_a_default_route_with_two_ways_out_makes_two_uplinks(azure: Host) -> None:
    hops = [
        "nexthop",
        "via",
        "10.0.1.1",
        "dev",
        "eth1",
        "nexthop",
        "via",
        "10.0.2.1",
        "dev",
        "eth2",
    ]
    words = ["ip", "-n", azure.netns, "route", "add", "default", "metric", "500", *hops]
    subprocess.run(words, check=True)
    assert {item.interface for item in look(azure).excluded} == {"eth0", "eth1", "eth2"}


def test_a_bridge_over_a_netvsc_that_carries_the_default_route_makes_an_uplink(
    azure: Host,
) -> None:
    bridge = azure.ip.add_stacked("br0", kind="bridge", mac="00:0d:3a:c0:00:11")
    azure.ip.set_master(azure.ip.index("eth1"), bridge)
    azure.ip.up(bridge)
    azure.ip.add_default_route(bridge, family=6)
    (item,) = [item for item in look(azure).excluded if item.interface == "eth1"]
    assert (item.reason, "br0" in item.message) == (Reason.DEFAULT_ROUTE, True)


def test_a_macvlan_with_the_mac_of_a_netvsc_is_not_its_vf(azure: Host) -> None:
    lower = azure.ip.index("eth1")
    azure.ip.add_stacked("mv0", kind="macvlan", mac="00:0d:3a:c0:00:11", lower=lower)
    assert told(look(azure))[0] == ("eth1", "enP39731s2", "9b33:00:02.0")
    assert look(azure).conflicts == ()


def test_a_macvlan_on_a_netvsc_that_carries_the_default_route_makes_an_uplink(
    azure: Host,
) -> None:
    lower = azure.ip.index("eth1")
    macvlan = azure.ip.add_stacked("mv0", kind="macvlan", mac="02:00:00:00:00:01", lower=lower)
    azure.ip.up(macvlan)
    azure.ip.add_default_route(macvlan, family=6)
    assert {item.interface for item in look(azure).excluded} == {"eth0", "eth1"}


def test_skip_addressed_sees_the_addresses_the_kernel_has(azure: Host) -> None:
    pool = pool_from({"name": "pair", "skipAddressed": True}, ())
    assert look(azure, pool).pairs == ()
    subprocess.run(["ip", "-n", azure.netns, "addr", "flush", "dev", "eth1"], check=True)
    assert [pair.netvsc for pair in look(azure, pool).pairs] == ["eth1"]


def test_netvsc_pairs_prints_the_live_host_as_json(azure: Host) -> None:
    command = ["ip", "netns", "exec", azure.netns, sys.executable, "-m", "netvsc.cli", "pairs"]
    done = subprocess.run(
        [*command, "--sim", str(azure.sysfs), "-o", "json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert list(found) == ["pairs", "excluded", "conflicts"]
    assert found["pairs"][0] == {
        "id": "00-0d-3a-c0-00-11",
        "mac": "00:0d:3a:c0:00:11",
        "netvsc": "eth1",
        "netns": None,
        "vmbus": "000d3ac0-0011-000d-3ac0-0011000d3ac0",
        "pool": "pair",
        "numaNode": 0,
        "path": "VF",
        "uplink": "no",
        "vf": {
            "interface": "enP39731s2",
            "pci": "9b33:00:02.0",
            "driver": "mlx5_core",
            "verbs": ["uverbs0"],
        },
    }
    assert [item["reason"] for item in found["excluded"]] == ["DefaultRoute"]
