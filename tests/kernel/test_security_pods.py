"""What a hostile pod can do to the pair that it holds, and that it can do it to nobody else.

It administers its own network namespace (CAP_NET_ADMIN, as many DPDK pods do): names, altnames,
addresses, netdevs of its own.
"""

from __future__ import annotations

import os
import subprocess
from functools import partial

import pytest

from netvsc.model.pool import pools_from
from netvsc_deviceplugin.cni.node_scan import scan_all
from netvsc_deviceplugin.inventory.match import Policy, inventory_of
from sim.cni.calls import CniHost, Pod, id_of
from sim.cni.server import CniServer, config, shim
from sim.kernel import xdp
from sim.kernel.links import mac_of
from sim.kernel.netns import within

OTHER_MAC = "02:00:00:66:66:66"
LONG = "nvhome-" + "a" * 100


def ip(netns: str, *words: str) -> str:
    done = subprocess.run(["ip", "-n", netns, *words], check=True, capture_output=True, text=True)
    return done.stdout


def on_host(cni: CniHost) -> set[str]:
    """Every name in the host's netns."""
    return {name for one in cni.seen() for name in one.names}


def leave(cni: CniHost, pod: Pod) -> None:
    cni.attachments.delete(pod.container, netns=pod.path)


@pytest.mark.parametrize("forgotten", [False, True], ids=["marked", "checkpoint lost"])
def test_a_netdev_that_a_pod_made_never_comes_to_the_host_whatever_it_is_called(
    forgotten: bool,
) -> None:
    with CniHost() as cni:
        pod, before = cni.pod(), on_host(cni)
        cni.add(pod, 1)
        ip(pod.netns, "link", "add", "trap", "type", "veth", "peer", "name", "trapped")
        ip(pod.netns, "tuntap", "add", "tunnel", "mode", "tap")
        for number, name in enumerate(("trap", "trapped", "tunnel")):
            ip(pod.netns, "link", "property", "add", "dev", name, "altname", f"nvhome-eth7{number}")
        if forgotten:
            (cni.state / "containers" / pod.container).unlink()
        leave(cni, pod)
        assert cni.on_host(1, pod)
        assert on_host(cni) == before


def test_a_pair_whose_mac_address_was_changed_and_whose_altnames_were_removed_comes_home() -> None:
    with CniHost() as cni:
        pod, mac = cni.pod(), mac_of(2)
        cni.add(pod, 1)
        for name, altname in (("netvsc0", "nvhome-eth1"), ("vf1", "nvhome-vf1")):
            _permanent(pod, name, mac)
            ip(pod.netns, "link", "property", "del", "dev", name, "altname", altname)
            ip(pod.netns, "link", "set", name, "address", OTHER_MAC)
        leave(cni, pod)
        assert cni.on_host(1, pod)
        wears = {one.link.name: one.link.wears for one in cni.seen()}
        assert wears["eth1"] == wears["vf1"] == mac


def _permanent(pod: Pod, name: str, mac: str) -> None:
    """A veth has no permanent address, a NIC has one."""
    index = pod.ip.index(name)
    (alias,) = [
        word for word in ip(pod.netns, "link", "show", name).split() if word.startswith("sim:")
    ]
    pod.ip.set_alias(index, f"{alias};perm={mac}")


def test_a_double_of_the_netvsc_does_not_keep_the_pair_in_its_pod() -> None:
    with CniHost() as cni:
        pod, before = cni.pod(), on_host(cni)
        cni.add(pod, 1)
        double = ("address", mac_of(2), "type", "veth", "peer", "name", "peer")
        ip(pod.netns, "link", "add", "double", *double)
        ip(pod.netns, "link", "property", "add", "dev", "double", "altname", "nvhome-eth1x")
        cni.attachments.restore()
        assert cni.inside(1, pod)
        leave(cni, pod)
        assert on_host(cni) == before


@pytest.mark.parametrize("altname", [LONG, "nvhome-\x1b[2J", "nvhome-eth0", "nvhome-cni0"])
def test_a_forged_altname_gives_a_vf_no_other_name_on_the_host(altname: str) -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        ip(pod.netns, "link", "property", "del", "dev", "vf1", "altname", "nvhome-vf1")
        ip(pod.netns, "link", "property", "add", "dev", "vf1", "altname", altname)
        leave(cni, pod)
        assert cni.on_host(1, pod)
        assert cni.altnames() == set()


@pytest.mark.parametrize("brought_by", ["the agent", "the kernel"])
def test_an_mtu_that_a_pod_chose_ends_with_it(brought_by: str) -> None:
    with CniHost() as cni:
        pod = cni.pod()
        ip(cni.host.netns, "link", "set", "eth1", "mtu", "1400")
        cni.add(pod, 1)
        for name in ("netvsc0", "vf1"):
            ip(pod.netns, "link", "set", name, "mtu", "600")
            if brought_by == "the kernel":
                ip(pod.netns, "link", "set", name, "netns", cni.host.netns)
        cni.restarted()
        leave(cni, pod)
        assert cni.on_host(1, pod)
        assert {one.link.mtu for one in cni.seen() if one.link.name in {"eth1", "vf1"}} == {1400}


def test_a_thousand_altnames_hold_nothing_back_and_none_stays() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        for name in ("netvsc0", "vf1"):
            words = [word for i in range(500) for word in ("altname", f"nvhome-{name}{i}")]
            ip(pod.netns, "link", "property", "add", "dev", name, *words)
        leave(cni, pod)
        assert cni.on_host(1, pod)
        assert cni.altnames() == set()


def test_whatever_a_pod_hangs_on_its_netvsc_stays_behind() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        ip(pod.netns, "link", "add", "bridge", "type", "bridge")
        ip(pod.netns, "link", "set", "netvsc0", "master", "bridge", "promisc", "on", "down")
        ip(pod.netns, "link", "add", "link", "vf1", "name", "above", "type", "macvlan")
        ip(pod.netns, "address", "add", "10.9.9.9/8", "dev", "netvsc0")
        ip(pod.netns, "link", "set", "vf1", "down")
        leave(cni, pod)
        assert cni.on_host(1, pod)
        (netvsc,) = [one.link for one in cni.seen() if one.link.name == "eth1"]
        assert netvsc.master is None
        assert not netvsc.flags & 0x100, "promiscuous"
        assert "10.9.9.9" not in ip(cni.host.netns, "address", "show", "eth1")


@pytest.mark.root
@pytest.mark.parametrize("mode", ["xdpgeneric", "xdpdrv"])
def test_a_program_of_a_pod_does_not_see_the_frames_of_the_next(mode: str) -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        program = xdp.dropper()
        try:
            for name in ("netvsc0", "vf1"):
                xdp.attach(pod.netns, name, program, mode=mode)
        finally:
            os.close(program)
        assert xdp.programs(pod.netns).keys() == {"netvsc0", "vf1"}
        leave(cni, pod)
        assert cni.on_host(1, pod)
        assert xdp.programs(cni.host.netns) == {}


def test_a_pair_that_a_pod_has_hidden_is_its_own_loss_and_the_pod_ends_all_the_same() -> None:
    """A real NIC comes home by the kernel's hand when the netns that hides it ends."""
    with CniHost(2) as cni:
        pod, hiding = cni.pod(), cni.pod()
        cni.add(pod, 1)
        ip(pod.netns, "link", "set", "netvsc0", "netns", hiding.netns)
        cni.attachments.restore()
        leave(cni, pod)
        assert not cni.checkpoints.get(pod.container)
        other = cni.pod()
        cni.add(other, 2)
        assert cni.inside(2, other)


@pytest.mark.parametrize("number", [0, 1], ids=["the node's uplink", "another pod's pair"])
def test_nobody_gets_a_pair_by_naming_it(number: int) -> None:
    """A NetworkAttachmentDefinition of one's own may have any deviceID in it."""
    with CniHost(2) as cni, CniServer(cni) as server:
        victim, thief = cni.pod(), cni.pod()
        server.give(1)
        shim("ADD", config(cni.state), victim)
        server.devices = ()
        server.give(2)
        given = config(cni.state, name="mine", deviceID=id_of(number))
        del given["prevResult"]
        said = shim("ADD", given, thief, CNI_IFNAME="net1")
        assert said.error == 11
        assert "no such pair" in said.body["msg"]
        assert cni.inside(1, victim)
        assert cni.on_host(0, thief)


def test_a_pods_own_netdevs_are_no_pairs_whatever_a_pool_forces() -> None:
    """`force: true` takes any netdev on the node that it names; in pods, what was moved there."""
    (pool,) = pools_from(
        {"pools": [{"name": "any", "force": True, "selector": {"interfaces": ["eth*"]}}]}
    )
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        ip(pod.netns, "link", "add", "eth66", "address", OTHER_MAC, "type", "veth")
        inside = tuple(cni.attachments.sandboxes.all().values())
        world, devices = within(
            cni.host.netns, partial(scan_all, cni.source, inside, macs=[mac_of(2)])
        )
        found = inventory_of(world.links, devices, world.routes, Policy(pools=(pool,)))
        assert {pair.netvsc for pair in found.pairs} == {"eth0", "eth1"}
        assert not any(OTHER_MAC in conflict.message for conflict in found.conflicts)
