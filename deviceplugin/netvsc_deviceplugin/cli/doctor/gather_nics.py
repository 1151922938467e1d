"""What sysfs says of NetVSCs and VFs, as devices: they stay there while a pod has their netdevs."""

from __future__ import annotations

from pathlib import Path

from netvsc_deviceplugin.cli.doctor.facts import NetVsc, Vf
from netvsc_deviceplugin.cli.doctor.files import entries, target, text, there
from netvsc_deviceplugin.kernel.links import Link
from netvsc_deviceplugin.kernel.sysfs import PciDevice, read_devices

_VF_DRIVERS = {"mlx4_core", "mlx5_core", "mana"}
_MELLANOX, _MICROSOFT, _MANA = "0x15b3", "0x1414", "0x00ba"


def netvscs(root: Path) -> tuple[NetVsc, ...] | None:
    """Return None where there is no VMBus at all."""
    folder = root / "sys/bus/vmbus/devices"
    if not there(folder):
        return None
    devices = read_devices(root / "sys", [_stub("vmbus", path) for path in entries(folder)])
    return tuple(
        NetVsc(guid=one.guid, driver=target(folder / one.guid / "driver"), numa_node=one.numa_node)
        for one in devices.vmbus.values()
        if one.is_netvsc
    )


def vfs(root: Path) -> tuple[Vf, ...]:
    paths = [path for path in entries(root / "sys/bus/pci/devices") if _is_vf(path)]
    devices = read_devices(root / "sys", [_stub("pci", path) for path in paths])
    return tuple(_vf(root, path, devices.pci[path.name]) for path in paths)


def _stub(bus: str, device: Path) -> Link:
    """Stand for the netdev, which may be in a pod: `read_devices` wants only its parent."""
    return Link(name=device.name, ifindex=0, mac="", parent_bus=bus, parent=device.name)


def _is_vf(path: Path) -> bool:
    vendor, device = text(path / "vendor"), text(path / "device")
    known = vendor == _MELLANOX or (vendor, device) == (_MICROSOFT, _MANA)
    return known or target(path / "driver") in _VF_DRIVERS


def _vf(root: Path, path: Path, device: PciDevice) -> Vf:
    nodes = root / "dev/infiniband"
    return Vf(
        pci=device.address,
        driver=device.driver,
        is_mana=device.driver == "mana" or text(path / "vendor") == _MICROSOFT,
        verbs=device.verbs,
        nodes=tuple(name for name in device.verbs if there(nodes / name)),
        numa_node=device.numa_node,
    )
