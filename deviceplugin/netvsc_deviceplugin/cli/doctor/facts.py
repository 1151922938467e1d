"""What was seen of a node and of an image. None: it cannot be seen from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from netvsc_deviceplugin.cli.doctor.modules import Modules
from netvsc_deviceplugin.netvscnode.cache import Copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Huge pages of one size. `kubelet` is how many bytes the kubelet lets pods have of them."""

    kib: int
    total: int
    free: int
    kubelet: int | None = None
    by_node: Mapping[int, int] = field(default_factory=dict)

    @property
    def size(self) -> str:
        return f"{self.kib // 1024} MiB" if self.kib < 1024 * 1024 else f"{self.kib >> 20} GiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class NetVsc:
    """A NetVSC device on the VMBus, whatever its driver."""

    guid: str
    driver: str | None
    numa_node: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VfFunction:
    """An accelerated NIC's PCI function; `nodes` are the verbs devices that are in /dev.

    `infiniband_module` makes them.
    """

    pci: str
    driver: str | None
    infiniband_module: str | None
    verbs: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    numa_node: int | None = None


class PluginBinary(StrEnum):
    """Whether the runtime can run netvsc-cni."""

    RUNS = "runs"
    ABSENT = "is not there"
    NO_MODE = "is not executable"
    NOEXEC = "is on a file system mounted noexec"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cni:
    """`conflist` is the runtime's file, None if its folder has none."""

    conflist: str | None
    text: bytes = b""
    program: PluginBinary = PluginBinary.ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    plugins: bool
    podresources: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """`copy` is the agent's own of its NetvscNode; `dranet` that AKS's DRANET registered here."""

    release: str
    modules: Modules
    pages: tuple[Pages, ...] = ()
    netvscs: tuple[NetVsc, ...] | None = None
    vfs: tuple[VfFunction, ...] = ()
    tun: bool = False
    rdma_cm: bool = False
    cni: Cni | None = None
    sockets: Sockets | None = None
    copy: Copy | None = None
    dranet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """`abi` is DPDK's library version (23 is 22.11), None where no shared DPDK was found.

    `drivers` are the poll-mode drivers by the name in their file, `rdma` is rdma-core's version,
    `providers` are its libraries of one hardware each, such as mlx5.
    """

    root: str
    abi: int | None = None
    drivers: frozenset[str] = frozenset()
    rdma: tuple[int, int] | None = None
    providers: frozenset[str] = frozenset()
