"""Link lists written by hand: what rtnetlink and /sys would say of hosts this machine is not."""

from __future__ import annotations

from dataclasses import dataclass, field

from netvsc_deviceplugin.kernel.links import Link
from netvsc_deviceplugin.kernel.routes import DefaultRoute
from netvsc_deviceplugin.kernel.sysfs import Devices, PciDevice, VmbusDevice


def mac_of(number: int) -> str:
    return f"00:0d:3a:c0:{number >> 8:02x}:{number & 0xFF:02x}"


@dataclass(slots=True)
class LinkList:
    """Grows a host link by link; each gets the next ifindex, as in a kernel."""

    links: list[Link] = field(default_factory=list)
    devices: Devices = field(default_factory=lambda: Devices(pci={}, vmbus={}))
    routes: list[DefaultRoute] = field(default_factory=list)

    def add(self, name: str, mac: str, **facts: object) -> Link:
        link = Link(ifindex=len(self.links) + 1, name=name, mac=mac, **facts)  # type: ignore[arg-type]
        self.links.append(link)
        return link

    def netvsc(self, number: int, *, name: str | None = None, **facts: object) -> Link:
        guid = f"guid-{number}"
        self.devices.vmbus[guid] = VmbusDevice(guid=guid, is_netvsc=True)
        facts = {"parent_bus": "vmbus", "parent": guid} | facts
        return self.add(name or f"eth{number}", mac_of(number), **facts)

    def vf(
        self,
        number: int,
        *,
        master: Link | None = None,
        pci: str | None = None,
        driver: str = "mlx5_core",
        numa: int | None = 0,
        **facts: object,
    ) -> Link:
        address = pci or f"{number:04x}:00:02.0"
        self.devices.pci[address] = PciDevice(address=address, driver=driver, numa_node=numa)
        joined = {"master": master.ifindex} if master else {}
        facts = {"parent_bus": "pci", "parent": address} | joined | facts
        return self.add(f"vf{number}", mac_of(number), **facts)

    def default_route(self, link: Link, *, family: int = 4, table: int = 254) -> None:
        self.routes.append(DefaultRoute(ifindex=link.ifindex, family=family, table=table))
