"""The gateways of a NIC, as the kernel's own routes have them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from netvsc_deviceplugin.cni.node_scan import scan_all
from netvsc_deviceplugin.inventory.scan import ScanSource, scan
from netvsc_deviceplugin.kernel.netns import Netns
from sim.cni.calls import CniHost, host_of
from sim.kernel import netns
from sim.kernel.host import Host

UPLINK = "10.0.0.4/24"


@pytest.fixture
def host() -> Iterator[Host]:
    with host_of(1) as made:
        for name, address in (("eth0", UPLINK), ("eth1", "10.0.1.4/24")):
            made.ip.add_address(made.ip.index(name), address)
        yield made


def ip(host: Host, command: str) -> None:
    subprocess.run(["ip", "-n", host.netns, *command.split()], check=True)


def gateways(host: Host) -> dict[str, tuple[str, ...]]:
    world, _ = netns.within(host.netns, lambda: scan(ScanSource(sysfs=host.sysfs, sim=True)))
    return {link.name: link.gateways for link in world.links if link.gateways}


@pytest.mark.parametrize(
    "command",
    [
        "route add default via 10.0.0.1",
        "route add default via 10.0.0.1 dev eth0 table 100",
        "route add default nexthop via 10.0.0.1 dev eth0 nexthop dev eth1",
    ],
)
def test_a_default_route_names_the_gateway_of_its_interface(host: Host, command: str) -> None:
    ip(host, command)
    assert gateways(host) == {"eth0": ("10.0.0.1",)}


def test_each_way_of_a_route_with_several_names_its_own(host: Host) -> None:
    ip(host, "route add default nexthop via 10.0.0.1 nexthop via 10.0.1.1")
    assert gateways(host) == {"eth0": ("10.0.0.1",), "eth1": ("10.0.1.1",)}


def test_a_nexthop_object_is_followed(host: Host) -> None:
    ip(host, "nexthop add id 7 via 10.0.1.1 dev eth1")
    ip(host, "route add default nhid 7")
    assert gateways(host) == {"eth1": ("10.0.1.1",)}


def test_ipv6_has_its_own_and_ipv4_may_go_by_it(host: Host) -> None:
    ip(host, "-6 route add default via fe80::1 dev eth1")
    ip(host, "-4 route add default via inet6 fe80::2 dev eth0")
    assert gateways(host) == {"eth0": ("fe80::2",), "eth1": ("fe80::1",)}


def test_a_route_straight_out_of_an_interface_has_none(host: Host) -> None:
    ip(host, "route add default dev eth1")
    assert gateways(host) == {}


def test_a_pair_in_a_pod_has_the_addresses_and_the_gateway_that_it_has_there() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        index = pod.ip.index("netvsc0")
        pod.ip.add_address(index, "10.0.1.4/24")
        pod.ip.add_default_route(index, via="10.0.1.1")
        with Netns.open(pod.path) as space:
            world, _ = netns.within(cni.host.netns, lambda: scan_all(cni.source, [space]))
        (inside,) = [link for link in world.links if link.netns and link.parent_bus == "vmbus"]
        assert (inside.name, inside.netns) == ("eth1", pod.netns)
        assert inside.addresses == ("10.0.1.4/24",)
        assert inside.gateways == ("10.0.1.1",)
