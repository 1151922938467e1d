"""Each modelled Azure host yields what it says must come out."""

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netvsc.model.pair import Inventory
from netvsc.model.pool import pool_from
from netvsc_deviceplugin.inventory.match import Policy, inventory_of
from netvsc_deviceplugin.kernel.links import Link
from netvsc_deviceplugin.kernel.routes import DefaultRoute
from netvsc_deviceplugin.kernel.sysfs import read_devices, with_parents
from sim.kernel import fixture


def links_of(host: fixture.Fixture) -> tuple[Link, ...]:
    """Make the link list that rtnetlink would give, the pods' netns included."""
    nics = [nic for nic in host["interfaces"] if not nic.get("no_netdev")]
    index = {nic["name"]: nic["ifindex"] for nic in nics}
    links = [link_of(nic, index) for nic in nics]
    for netns, inside in host.get("other_netns", {}).items():
        index = {nic["name"]: nic["ifindex"] for nic in inside}
        links += [replace(in_pod(nic, index, host), netns=netns) for nic in inside]
    return tuple(links)


def link_of(nic: Mapping[str, Any], index: dict[str, int]) -> Link:
    parent = {"netvsc": ("vmbus", nic.get("vmbus_guid")), "vf": ("pci", nic.get("bdf"))}
    bus, device = parent.get(nic["kind"], (None, None))
    kinds = {"eth1.100": "vlan", "bond7": "bond"}
    return Link(
        ifindex=nic["ifindex"],
        name=nic["name"],
        mac=nic["mac"],
        kind=kinds.get(nic["name"], ""),
        type=nic.get("type", 1),
        flags=int(nic["flags"], 16),
        master=index.get(nic.get("master", "")),
        parent_bus=bus,
        parent=device,
        addresses=tuple(str(ipaddress.ip_interface(a)) for a in nic.get("ipv4", ())),
    )


def in_pod(nic: Mapping[str, Any], index: dict[str, int], host: fixture.Fixture) -> Link:
    """A pod's netdev: its parent is the device of the host that no netdev of the host shows."""
    on_host = {entry.get("bdf") for entry in host["interfaces"]}
    (pci,) = [entry["bdf"] for entry in host["pci"] if entry["bdf"] not in on_host]
    (vmbus,) = [n["vmbus_guid"] for n in host["interfaces"] if n.get("no_netdev")]
    bus, device = ("pci", pci) if nic.get("master") else ("vmbus", vmbus)
    return Link(
        ifindex=nic["ifindex"],
        name=nic["name"],
        mac=nic["mac"],
        master=index.get(nic.get("master", "")),
        parent_bus=bus,
        parent=device,
    )


def routes_of(host: fixture.Fixture) -> tuple[DefaultRoute, ...]:
    return tuple(
        DefaultRoute(ifindex=nic["ifindex"], family=4)
        for nic in host["interfaces"]
        for route in nic.get("routes", ())
        if route["dst"] == "0.0.0.0/0"
    )


def fixture_inventory(host: fixture.Fixture, root: Path, pool: Mapping[str, Any]) -> Inventory:
    fixture.build_sys(host, root)
    links = with_parents(root, links_of(host))
    policy = Policy(pools=(pool_from({"name": "pair", **pool}, ()),))
    return inventory_of(links, read_devices(root, links), routes_of(host), policy)


def told(inventory: Inventory) -> dict[str, Any]:
    """Put an inventory into the words of the fixtures."""
    return {
        "pairs": [
            {
                "netvsc": pair.netvsc,
                "netns": pair.netns,
                "vf": pair.vf.interface if pair.vf else None,
                "pci": pair.vf.pci if pair.vf else None,
            }
            for pair in inventory.pairs
        ],
        "excluded": {gone.interface: gone.reason.value for gone in inventory.excluded},
    }


def expected(wanted: Mapping[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """Fill what a fixture leaves open (its netns) with what came out."""
    pairs = [
        {"pci": None, "netns": None, **pair}
        for pair, found in zip(wanted["pairs"], result["pairs"], strict=True)
    ]
    return {"pairs": pairs, "excluded": wanted.get("excluded", result["excluded"])}


@pytest.mark.parametrize("name", [name for name in fixture.NAMES if name != "f12"])
def test_a_modelled_host_yields_the_pairs_it_expects(name: str, tmp_path: Path) -> None:
    host = fixture.load(name)
    result = told(fixture_inventory(host, tmp_path, host.get("pool", {})))
    assert result == expected(host["expect"], result)


def test_the_flapping_host_has_the_pair_of_the_host_it_plays_on(tmp_path: Path) -> None:
    host = fixture.load("f12")
    result = told(fixture_inventory(host, tmp_path, {}))
    assert result == expected(fixture.load("f07")["expect"] | {"excluded": {}}, result) | {
        "excluded": {"eth0": "DefaultRoute"}
    }


def test_mana_ports_that_share_the_uplinks_function_need_a_pool_that_says_so(
    tmp_path: Path,
) -> None:
    host = fixture.load("f03")
    result = told(fixture_inventory(host, tmp_path, {}))
    assert result == expected(host["expect_default"], result)
