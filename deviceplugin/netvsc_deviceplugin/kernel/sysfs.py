"""What /sys says of devices: a NetVSC's class, a VF's driver, NUMA node and verbs devices.

sysfs is asked about devices, not about interfaces: those move between netns, devices do not.
Documentation/ABI/testing/sysfs-bus-pci, sysfs-bus-vmbus; sysfs-class-infiniband for verbs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from netvsc.model.names import natural
from netvsc_deviceplugin.kernel.links import Link

NETVSC_CLASS = "{f8615163-df3e-46c5-913f-f2d2f965ed0e}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PciDevice:
    """One PCI function. `numa_node` is None where the kernel knows none (it writes -1)."""

    address: str
    driver: str | None = None
    numa_node: int | None = None
    verbs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VmbusDevice:
    guid: str
    is_netvsc: bool
    numa_node: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """The devices behind a set of links, by PCI address and by VMBus GUID."""

    pci: dict[str, PciDevice]
    vmbus: dict[str, VmbusDevice]


def read_devices(root: Path, links: Iterable[Link]) -> Devices:
    """Read the parents of `links` below `root`, which is /sys or stands for it."""
    pci, vmbus = {}, {}
    for link in links:
        if link.parent_bus == "pci" and link.parent:
            pci[link.parent] = _pci(root / "bus/pci/devices" / link.parent)
        elif link.parent_bus == "vmbus" and link.parent:
            vmbus[link.parent] = _vmbus(root / "bus/vmbus/devices" / link.parent)
    return Devices(pci=pci, vmbus=vmbus)


def with_parents(root: Path, links: Iterable[Link]) -> tuple[Link, ...]:
    """Fill in parents that the kernel did not send: rtnetlink has them since Linux 5.14."""
    return tuple(link if link.parent or link.kind else _with_parent(root, link) for link in links)


def read_links(root: Path) -> tuple[Link, ...]:
    """Read the interfaces of a /sys tree itself, where there is no kernel to ask."""
    folders = sorted((root / "class/net").iterdir(), key=lambda folder: natural(folder.name))
    return with_parents(root, [_link(folder) for folder in folders])


def _link(folder: Path) -> Link:
    master = folder / "master"
    return Link(
        name=folder.name,
        ifindex=int(_text(folder / "ifindex") or 0),
        mac=_text(folder / "address") or "",
        kind="" if (folder / "device").exists() else "virtual",
        type=int(_text(folder / "type") or 1),
        flags=int(_text(folder / "flags") or "0", 16),
        mtu=int(_text(folder / "mtu") or 0),
        master=int(_text(master / "ifindex") or 0) or None,
    )


def _with_parent(root: Path, link: Link) -> Link:
    device = root / "class/net" / link.name / "device"
    subsystem = _target(device / "subsystem")
    return replace(link, parent=_target(device), parent_bus=subsystem) if subsystem else link


def _pci(device: Path) -> PciDevice:
    verbs = device / "infiniband_verbs"
    names = [entry.name for entry in verbs.iterdir()] if verbs.is_dir() else []
    return PciDevice(
        address=device.name,
        driver=_target(device / "driver"),
        numa_node=_numa(device),
        verbs=tuple(sorted(names, key=natural)),
    )


def _vmbus(device: Path) -> VmbusDevice:
    is_netvsc = _text(device / "class_id") == NETVSC_CLASS
    return VmbusDevice(guid=device.name, is_netvsc=is_netvsc, numa_node=_numa(device))


def _numa(device: Path) -> int | None:
    node = _text(device / "numa_node")
    return int(node) if node and int(node) >= 0 else None


def _text(path: Path) -> str | None:
    """Return an attribute, None if it is not there: devices vanish while one reads."""
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _target(path: Path) -> str | None:
    try:
        return path.readlink().name
    except OSError:
        return None
