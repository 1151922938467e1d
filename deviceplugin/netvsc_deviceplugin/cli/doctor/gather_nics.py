"""What sysfs says of NetVSCs and VFs, as devices: they stay there while a pod has their netdevs."""

from __future__ import annotations

from pathlib import Path

from netvsc.drivers import Driver, driver_of
from netvsc_deviceplugin.cli.doctor.facts import NetVsc, VfFunction
from netvsc_deviceplugin.cli.doctor.files import entries, exists, target, text
from netvsc_deviceplugin.kernel.links import Link
from netvsc_deviceplugin.kernel.sysfs import PciDevice, read_devices


def netvscs(root: Path) -> tuple[NetVsc, ...] | None:
    """Return None where there is no VMBus at all."""
    folder = root / "sys/bus/vmbus/devices"
    if not exists(folder):
        return None
    devices = read_devices(root / "sys", [_stub("vmbus", path) for path in entries(folder)])
    return tuple(
        NetVsc(guid=one.guid, driver=target(folder / one.guid / "driver"), numa_node=one.numa_node)
        for one in devices.vmbus.values()
        if one.is_netvsc
    )


def vfs(root: Path) -> tuple[VfFunction, ...]:
    drivers = {path: _driver(path) for path in entries(root / "sys/bus/pci/devices")}
    found = {path: driver for path, driver in drivers.items() if driver}
    devices = read_devices(root / "sys", [_stub("pci", path) for path in found])
    return tuple(_vf(root, devices.pci[path.name], driver) for path, driver in found.items())


def _stub(bus: str, device: Path) -> Link:
    """Stand for the netdev, which may be in a pod: `read_devices` wants only its parent."""
    return Link(name=device.name, ifindex=0, mac="", parent_bus=bus, parent=device.name)


def _driver(path: Path) -> Driver | None:
    ids = {"vendor": text(path / "vendor") or "", "device": text(path / "device") or ""}
    return driver_of(target(path / "driver"), **ids)


def _vf(root: Path, device: PciDevice, driver: Driver) -> VfFunction:
    nodes = root / "dev/infiniband"
    return VfFunction(
        pci=device.address,
        driver=device.driver,
        infiniband_module=driver.infiniband_module,
        verbs=device.verbs,
        nodes=tuple(name for name in device.verbs if exists(nodes / name)),
        numa_node=device.numa_node,
    )
