"""Frames are counted on the path that they took, wherever the pair is."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from netvsc.model.pair import Inventory, Pair
from netvsc.model.pool import BUILT_IN
from netvsc_deviceplugin.inventory.match import Policy, inventory_of
from netvsc_deviceplugin.inventory.scan import ScanSource, scan
from netvsc_deviceplugin.kernel.statistics import driver_counters
from netvsc_deviceplugin.telemetry.traffic import TrafficCollector
from sim.kernel import netns
from sim.kernel.host import Host

QUIET = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
FRAME = bytes.fromhex("ffffffffffff 000d3ac00011 88b5") + bytes(86)  # 100 bytes, no protocol's own


@pytest.fixture
def host() -> Iterator[Host]:
    """Without IPv6, whose own frames would be counted with ours."""
    with Host.from_fixture("f02") as made:
        netns.within(made.netns, lambda: QUIET.write_text("1"))
        yield made


@pytest.fixture
def traffic(host: Host) -> TrafficCollector:
    """The pairs are in another netns than the agent, as those of a pod are."""
    return TrafficCollector(inventory=lambda: inventory(host))


def inventory(host: Host) -> Inventory:
    world, devices = netns.within(host.netns, lambda: scan(ScanSource(sysfs=host.sysfs, sim=True)))
    found = inventory_of(world.links, devices, world.routes, Policy(pools=(BUILT_IN,)))
    return Inventory(pairs=tuple(replace(pair, netns=host.netns) for pair in found.pairs))


def send(host: Host, interface: str, *, count: int) -> None:
    def frames() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
            sock.bind((interface, 0))
            for _ in range(count):
                sock.send(FRAME)

    netns.within(host.netns, frames)


def sent(traffic: TrafficCollector, pair: Pair) -> dict[tuple[str, str], float]:
    """What one pair transmitted, by metric and path."""
    return {
        (family.name.removeprefix("netvsc_path_transmit_"), sample.labels["path"]): sample.value
        for family in traffic.collect()
        if "transmit" in family.name
        for sample in family.samples
        if sample.labels["pair"] == pair.id
    }


def test_frames_are_counted_where_they_went(host: Host, traffic: TrafficCollector) -> None:
    pair = inventory(host).pairs[0]
    assert pair.vf is not None
    before = sent(traffic, pair)

    send(host, pair.vf.interface, count=5)
    send(host, pair.netvsc, count=2)

    after = sent(traffic, pair)
    assert {key: after[key] - before[key] for key in after} == {
        ("bytes", "VF"): 500,
        ("bytes", "Synthetic"): 200,
        ("packets", "VF"): 5,
        ("packets", "Synthetic"): 2,
    }


def test_without_a_vf_there_is_one_path(host: Host, traffic: TrafficCollector) -> None:
    pair = inventory(host).pairs[0]
    host.revoke(pair.netvsc)
    assert {path for _, path in sent(traffic, pair)} == {"Synthetic"}


def test_a_pair_whose_netns_has_just_ended_is_left_out(host: Host) -> None:
    pairs = tuple(replace(pair, netns="sim-ended") for pair in inventory(host).pairs)
    ended = TrafficCollector(inventory=lambda: Inventory(pairs=pairs))
    assert [family.samples for family in ended.collect()] == [[], [], [], []]


def test_a_drivers_own_counters_are_read_by_name(host: Host) -> None:
    interface = inventory(host).pairs[0].netvsc
    found = netns.within(host.netns, lambda: driver_counters(interface))
    assert "peer_ifindex" in found, "a veth's driver tells at least that"
    assert netns.within(host.netns, lambda: driver_counters("lo")) == {}
    assert driver_counters("nosuch0") == {}
