"""A /sys tree as Azure shows it (docs/simulator.md), kept live while devices come and go."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

NETVSC_CLASS = "{f8615163-df3e-46c5-913f-f2d2f965ed0e}"
VMBUS = "devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class PciFacts:
    """One PCI function; `verbs` maps uverbs device to RDMA device."""

    address: str
    driver: str | None = "mlx5_core"
    numa: int = 0
    verbs: tuple[tuple[str, str], ...] = ()


class SysTree:
    """Writes below `root` what the kernel shows below /sys."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("class/net", "bus/pci/devices", "bus/vmbus/devices"):
            (root / folder).mkdir(parents=True, exist_ok=True)

    def add_netvsc(self, guid: str) -> Path:
        device = self.root / VMBUS / guid
        self._write(device / "class_id", NETVSC_CLASS)
        self._link(device / "subsystem", self.root / "bus/vmbus")
        self.bind(device, bus="vmbus", driver="hv_netvsc")
        self._link(self.root / "bus/vmbus/devices" / guid, device)
        return device

    def add_pci(self, facts: PciFacts) -> Path:
        device = self.root / VMBUS / f"host-{facts.address}" / facts.address
        self._write(device / "numa_node", str(facts.numa))
        self._link(device / "subsystem", self.root / "bus/pci")
        if facts.driver:
            self.bind(device, bus="pci", driver=facts.driver)
        for uverbs, ibdev in facts.verbs:
            self.add_verbs(facts.address, uverbs, ibdev)
        self._link(self.root / "bus/pci/devices" / facts.address, device)
        return device

    def pci(self, address: str) -> Path:
        return self.root / VMBUS / f"host-{address}" / address

    def bind(self, device: Path, *, bus: str, driver: str) -> None:
        drivers = self.root / "bus" / bus / "drivers" / driver
        drivers.mkdir(parents=True, exist_ok=True)
        self._link(device / "driver", drivers)

    def add_verbs(self, address: str, uverbs: str, ibdev: str) -> None:
        device = self.pci(address)
        self._write(device / "infiniband_verbs" / uverbs / "ibdev", ibdev)
        self._write(device / "infiniband" / ibdev / "node_type", "1: CA")

    def remove_verbs(self, address: str) -> None:
        for folder in ("infiniband_verbs", "infiniband"):
            shutil.rmtree(self.pci(address) / folder, ignore_errors=True)

    def remove_pci(self, address: str) -> None:
        (self.root / "bus/pci/devices" / address).unlink(missing_ok=True)
        shutil.rmtree(self.root / VMBUS / f"host-{address}", ignore_errors=True)

    def add_net(self, name: str, *, device: Path | None, facts: dict[str, str | int]) -> Path:
        """Add a netdev, for programs that read /sys alone; `facts` are its attribute files."""
        parent = device or self.root / "devices/virtual"
        folder = parent / "net" / name
        for key, value in facts.items():
            self._write(folder / key, str(value))
        if device:
            (folder / "device").symlink_to(f"../../../{device.name}")
        self._link(self.root / "class/net" / name, folder)
        return folder

    def enslave(self, name: str, *, master: str) -> None:
        folder = (self.root / "class/net" / name).resolve()
        self._link(folder / "master", (self.root / "class/net" / master).resolve())

    @staticmethod
    def _write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    @staticmethod
    def _link(path: Path, target: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(os.path.relpath(target, path.parent))
