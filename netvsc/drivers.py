"""The drivers of Azure's VFs: one table. fdpipe's C table is generated from it.

Where each fact is from: drivers/net/ethernet of Linux for the names and options, "NVIDIA MLX5" and
"Microsoft Azure Network Adapter (MANA)" of DPDK's NIC guides for what DPDK needs.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_TEMPLATE = "{pci}"  # devargs of a VF whose driver is not in the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One kernel driver of a VF, by the name that `/sys/bus/pci/devices/*/driver` leads to.

    `template` makes the devargs where a pool has none of its own. `verbs`: DPDK reaches the VF
    through a verbs device, which `infiniband_module` makes. `options` are the kernel's, by module.
    `dpdk` names DPDK's driver (librte_net_*) and rdma-core's provider, `rdma_core` is the first
    release that has it. `current`: a VF of today may come back as this hardware.
    """

    name: str
    template: str
    verbs: bool
    infiniband_module: str | None
    options: tuple[tuple[str, str], ...]
    pci_vendor: str
    pci_device: str | None
    dpdk: str
    rdma_core: tuple[int, int]
    current: bool


DRIVERS: tuple[Driver, ...] = (
    Driver(
        name="mlx5_core",
        template="{pci}",
        verbs=True,
        infiniband_module="mlx5_ib",
        options=(("mlx5_core", "MLX5_CORE"), ("mlx5_ib", "MLX5_INFINIBAND")),
        pci_vendor="0x15b3",
        pci_device=None,
        dpdk="mlx5",
        rdma_core=(0, 0),
        current=True,
    ),
    Driver(
        name="mana",
        template="{pci},mac={mac}",  # all ports share one PCI function; the MAC names one
        verbs=True,
        infiniband_module="mana_ib",
        options=(("mana", "MICROSOFT_MANA"), ("mana_ib", "MANA_INFINIBAND")),
        pci_vendor="0x1414",
        pci_device="0x00ba",
        dpdk="mana",
        rdma_core=(44, 0),
        current=True,
    ),
    Driver(
        name="mlx4_core",
        template="{pci}",
        verbs=True,
        infiniband_module="mlx4_ib",
        options=(("mlx4_en", "MLX4_EN"), ("mlx4_ib", "MLX4_INFINIBAND")),
        pci_vendor="0x15b3",
        pci_device=None,
        dpdk="mlx4",
        rdma_core=(0, 0),
        current=False,
    ),
)


def driver(name: str | None) -> Driver | None:
    """Return what is known of a driver, None if nothing is."""
    return next((one for one in DRIVERS if one.name == name), None)
