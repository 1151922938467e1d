"""What the inventory says of pairs that are in pods."""

import pytest

from netvsc.model.pair import Inventory, Path, Reason
from netvsc.model.pool import pools_from
from netvsc_deviceplugin.cni.attach.records import Want
from netvsc_deviceplugin.cni.node_scan import scan_all
from netvsc_deviceplugin.inventory.match import Policy, inventory_of
from sim.cni.calls import CniHost, Place, id_of
from sim.kernel import fixture, netns
from sim.kernel.host import Host, SimVf


def inventory_with(cni: CniHost, policy: Policy) -> Inventory:
    inside = tuple(cni.attachments.sandboxes.all().values())
    world, devices = netns.within(cni.host.netns, lambda: scan_all(cni.source, inside))
    return inventory_of(world.links, devices, world.routes, policy)


def test_the_modelled_host_whose_pair_is_in_a_pod_shows_it_there() -> None:
    """f08, live: ADD takes eth1 into the pod, and the host's netns shows neither of the two."""
    modelled = fixture.load("f08")
    (nic,) = [nic for nic in modelled["interfaces"] if nic.get("no_netdev")]
    (pci,) = [fixture.pci_facts(entry) for entry in modelled["pci"] if entry["slot_serial"] == 2]
    with CniHost(host=Host.from_fixture("f08")) as cni:
        cni.host.add_netvsc(nic["name"], mac=nic["mac"], guid=nic["vmbus_guid"])
        cni.host.nics["eth1"].vf = SimVf(name="eth2", facts=pci)
        cni.host.give("eth1")
        pod = cni.pod()
        want = Want(id=nic["mac"].replace(":", "-"), interface="eth1")
        cni.attachments.add(pod.target(), [want])
        (expected,) = modelled["expect"]["pairs"]
        (pair,) = inventory_with(cni, Policy()).pairs
        assert pair.netvsc == expected["netvsc"]
        assert pair.netns == pod.netns
        assert pair.vf
        assert (pair.vf.interface, pair.vf.pci) == (expected["vf"], expected["pci"])
        pod.ip.delete(pod.ip.index("eth2"))
        assert inventory_with(cni, Policy()).pairs[0].path is Path.SYNTHETIC
        index = cni.host.add_link("eth1", mac=nic["mac"])  # it comes back at home, as NICs do
        cni.host.ip.set_alias(index, f"sim:pci:{pci.address};master={nic['mac']}")
        assert inventory_with(cni, Policy()).pairs[0].path is Path.SYNTHETIC  # of no use there
        cni.attachments.restore()
        (pair,) = inventory_with(cni, Policy()).pairs
        assert pair.path is Path.VF
        assert pair.vf
        assert pair.vf.pci == expected["pci"]


def test_a_pool_that_selects_by_interface_knows_a_pair_in_a_pod_by_its_name_at_home() -> None:
    with CniHost(2) as cni:
        pools = pools_from({"pools": [{"name": "nf", "selector": {"interfaces": ["eth1"]}}]})
        before = inventory_with(cni, Policy(pools=pools))
        pod = cni.pod()
        cni.add(pod, 1)
        after = inventory_with(cni, Policy(pools=pools))
        assert [pair.netvsc for pair in after.pairs] == ["eth1"] == [p.netvsc for p in before.pairs]
        assert [pair.netns for pair in after.pairs] == [pod.netns]
        assert after.conflicts == ()
        assert {gone.reason for gone in after.excluded} == {Reason.NOT_SELECTED}


@pytest.mark.parametrize("noise", ["same mac", "same name"])
def test_what_a_pod_makes_itself_is_no_pair(noise: str) -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        mac = id_of(1).replace("-", ":") if noise == "same mac" else "02:00:00:00:00:44"
        pod.ip.add_stacked("br0", kind="bridge", mac=mac)
        (pair,) = [p for p in inventory_with(cni, Policy()).pairs if p.id == id_of(1)]
        assert pair.netns == pod.netns
        cni.attachments.delete(pod.container)
        assert cni.places(1, pod)[0] == Place(None, "eth1", up=True)
