"""The drivers of Azure's VFs: one table. fdpipe's C table is generated from it.

Where each fact is from: drivers/net/ethernet of Linux for the names and options, "NVIDIA MLX5" and
"Microsoft Azure Network Adapter (MANA)" of DPDK's NIC guides for what DPDK needs.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_TEMPLATE = "{pci}"  # devargs of a VF whose driver is not in the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """One kernel driver of a VF, by the exact name that `/sys/bus/pci/devices/*/driver` leads to.

    `template` makes the devargs where a pool has none of its own. `verbs`: DPDK reaches the VF
    through a verbs device, which `infiniband_module` makes. `options` are the kernel's, by module.
    `counters` are ethtool's for what a VF carried, DPDK's traffic included, with `{way}` rx or tx,
    and `{unit}` packets or bytes (`{short}`: pkts or bytes). `current`: a VF of today may come back
    as this hardware, which people call `title`. `dpdk` names DPDK's driver (librte_net_*) and
    rdma-core's provider, `rdma_core` is the first release that has it; the two `*_remedy` say how
    an image gets them.
    """

    name: str
    template: str
    verbs: bool
    infiniband_module: str | None
    options: tuple[tuple[str, str], ...]
    pci_vendor: str
    pci_device: str | None
    counters: tuple[str, ...]
    current: bool
    title: str
    dpdk: str
    dpdk_remedy: str
    rdma_core: tuple[int, int]
    rdma_remedy: str


_CASTS = ("unicast", "multicast", "broadcast")
_PROVIDERS = "apt-get install ibverbs-providers (Debian, Ubuntu), or libibverbs (others)"

DRIVERS: tuple[Driver, ...] = (  # the first is that of most VFs
    Driver(
        name="mlx5_core",
        template="{pci}",
        verbs=True,
        infiniband_module="mlx5_ib",
        options=(("mlx5_core", "MLX5_CORE"), ("mlx5_ib", "MLX5_INFINIBAND")),
        pci_vendor="0x15b3",
        pci_device=None,
        counters=tuple(f"{{way}}_vport_{cast}_{{unit}}" for cast in _CASTS),
        current=True,
        title="mlx5",
        dpdk="mlx5",
        dpdk_remedy="install or build it",
        rdma_core=(0, 0),
        rdma_remedy=_PROVIDERS,
    ),
    Driver(
        name="mana",
        template="{pci},mac={mac}",  # all ports share one PCI function; the MAC names one
        verbs=True,
        infiniband_module="mana_ib",
        options=(("mana", "MICROSOFT_MANA"), ("mana_ib", "MANA_INFINIBAND")),
        pci_vendor="0x1414",
        pci_device="0x00ba",
        counters=tuple(f"hc_{{way}}_{cast}_{{short}}" for cast in ("ucast", "mcast", "bcast")),
        current=True,
        title="MANA",
        dpdk="mana",
        dpdk_remedy="DPDK 22.11 or newer, built with net/mana and rdma-core 44 (Debian 12's is "
        "not)",
        rdma_core=(44, 0),
        rdma_remedy="rdma-core 44 or newer, as in Debian 12, Ubuntu 24.04, Azure Linux 3",
    ),
    Driver(
        name="mlx4_core",
        template="{pci}",
        verbs=True,
        infiniband_module="mlx4_ib",
        options=(("mlx4_en", "MLX4_EN"), ("mlx4_ib", "MLX4_INFINIBAND")),
        pci_vendor="0x15b3",
        pci_device=None,
        counters=(),
        current=False,
        title="mlx4",
        dpdk="mlx4",
        dpdk_remedy="install or build it",
        rdma_core=(0, 0),
        rdma_remedy=_PROVIDERS,
    ),
)


CURRENT = tuple(one for one in DRIVERS if one.current)


def driver_of(name: str | None, *, vendor: str, device: str) -> Driver | None:
    """Return the driver that a PCI function has, or would have; None if it is no VF of Azure's."""
    named = (one for one in DRIVERS if one.name == name)
    made = (one for one in DRIVERS if one.pci_vendor == vendor and one.pci_device in {None, device})
    return next(named, None) or next(made, None)
