"""Which VF is whose, where the node is not as usual."""

from __future__ import annotations

from dataclasses import replace

from netvsc.model.pair import Clash
from netvsc.model.pool import pools_from
from netvsc_deviceplugin.inventory.pairing import VfMemory, pair_up, remember
from netvsc_deviceplugin.kernel.sysfs import VmbusDevice
from sim.kernel.links import LinkList, mac_of


def one_pair(**facts: int | None) -> LinkList:
    host = LinkList()
    host.vf(1, master=host.netvsc(1), **facts)  # type: ignore[arg-type]
    return host


def test_another_device_of_the_vmbus_is_no_netvsc() -> None:
    host = one_pair()
    host.devices.vmbus["guid-1"] = VmbusDevice(guid="guid-1", is_netvsc=False)
    assert pair_up(host.links, host.devices, []) == ((), ())
    del host.devices.vmbus["guid-1"]  # /sys does not tell of it (any more)
    assert pair_up(host.links, host.devices, []) == ((), ())


def test_the_numa_node_is_the_vfs_and_else_the_netvscs() -> None:
    host = one_pair(numa=1)
    host.devices.vmbus["guid-1"] = replace(host.devices.vmbus["guid-1"], numa_node=2)
    ((nic,), _) = pair_up(host.links, host.devices, [])
    assert nic.numa_node == 1
    ((alone,), _) = pair_up(host.links[:1], host.devices, [])
    assert alone.numa_node == 2


def test_a_forced_vf_without_a_netvsc_is_a_nic_by_itself() -> None:
    host = LinkList()
    host.vf(1)
    host.add("veth7", mac_of(7), kind="veth")
    pools = pools_from(
        {"pools": [{"name": "a", "force": True, "selector": {"interfaces": ["v*"]}}]}
    )
    nics, _ = pair_up(host.links, host.devices, pools)
    assert [(nic.netvsc.name, nic.forced) for nic in nics] == [("veth7", True), ("vf1", True)]


def test_conflicts_come_in_the_natural_order_of_their_interfaces() -> None:
    host = LinkList()
    for number, name in ((10, "eth10"), (2, "eth2")):
        netvsc = host.netvsc(number, name=name)
        host.vf(number, master=netvsc)
        host.vf(number, master=netvsc, pci=f"{number:04x}:01:02.0")
    _, conflicts = pair_up(host.links, host.devices, [])
    assert [(one.interface, one.reason) for one in conflicts] == [
        ("eth2", Clash.TWO_VFS),
        ("eth10", Clash.TWO_VFS),
    ]


def test_of_a_vf_the_last_word_stays_and_a_new_one_counts() -> None:
    host = one_pair(numa=1)
    ((nic,), _) = pair_up(host.links, host.devices, [])
    before = {nic.id: VfMemory(pci="old", driver="mana", numa_node=0)}
    assert nic.vf
    now = VfMemory(pci=nic.vf.pci, driver="mlx5_core", numa_node=1)
    assert remember(before, [nic]) == remember({}, [nic]) == {nic.id: now}
    silent = replace(nic, numa_node=None, vf=replace(nic.vf, driver=None))
    kept = replace(now, driver="mana", numa_node=0)
    assert remember(before, [silent]) == {nic.id: kept}
    assert remember({}, [silent]) == {nic.id: replace(now, driver=None, numa_node=None)}
    assert remember(before, [replace(nic, vf=None)]) == before
