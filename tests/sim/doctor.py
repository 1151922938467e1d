"""A node's root folder as an AKS node would show it, all well; tests break it piece by piece."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from netvsc.encoding.serialize import to_plain
from netvsc.model.pair import Path as Way
from netvsc.model.pair import VfSeen
from netvsc.model.status import AgentStatus, NodeStatus, PairStatus, Summary
from netvsc_deviceplugin.netvscnode.cache import Copy
from sim.kernel import fixture

RELEASE = "6.6.104.2-4.azl3"
MODULES = (
    *("sch_multiq", "sch_ingress", "cls_flower", "act_mirred"),
    *("mlx5_core", "mlx5_ib", "mana", "mana_ib", "ib_uverbs"),
)
KIB = 2048
_PAIR = PairStatus(
    id="00-0d-3a-c0-00-11",
    netvsc="eth1",
    pool="pair",
    resource="netvsc.io/pair",
    path=Way.VF,
    vf_seen=VfSeen.PRESENT,
)
STATUS = NodeStatus(
    agent=AgentStatus(version="0.1.0", started="2026-01-02T03:04:05.000000Z"),
    summary=Summary(pairs=1, free=1, on_vf=1, revoked24h=0),
    pairs=(_PAIR,),
)
_CHAIN = {
    "cniVersion": "0.3.1",
    "name": "azure",
    "plugins": [{"type": "azure-vnet"}, {"type": "netvsc-cni"}],
}


class NodeRoot:
    """Folders and files below `root`; the NICs are those of a fixture."""

    def __init__(self, root: Path, *, fixture_name: str = "f02") -> None:
        self.root = root
        self.sys = fixture.build_devices(fixture.load(fixture_name), root / "sys")
        self.kernel(RELEASE)
        self.modules(*MODULES, builtin=("tun",))
        self.pages(1024, kubelet=1024)
        self.cni(_CHAIN)
        self.write("opt/cni/bin/netvsc-cni", "").chmod(0o755)
        self.agent(STATUS)
        for path in ("dev/net/tun", "dev/infiniband/rdma_cm"):
            self.write(path, "")
        for path in ("device-plugins", "pod-resources"):
            self.write(f"var/lib/kubelet/{path}/kubelet.sock", "")
        for uverbs in root.glob("sys/bus/pci/devices/*/infiniband_verbs/*"):
            self.write(f"dev/infiniband/{uverbs.name}", "")

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def kernel(self, release: str) -> None:
        self.write("proc/sys/kernel/osrelease", f"{release}\n")

    def modules(self, *loadable: str, builtin: tuple[str, ...] = ()) -> None:
        """Write modprobe's two lists, compressed modules and dashes in names included."""
        home = f"lib/modules/{RELEASE}"
        lines = (f"kernel/net/{name.replace('_', '-')}.ko.zst: kernel/a.ko" for name in loadable)
        self.write(f"{home}/modules.dep", "\n".join(lines))
        self.write(f"{home}/modules.builtin", "\n".join(f"kernel/{n}.ko" for n in builtin))

    def pages(self, total: int, *, kubelet: int, node: int = 0) -> None:
        """Reserve 2 MiB pages, all on one NUMA node; `kubelet` is how many it counted."""
        name = f"hugepages-{KIB}kB"
        self.write(f"sys/kernel/mm/hugepages/{name}/nr_hugepages", f"{total}\n")
        self.write(f"sys/kernel/mm/hugepages/{name}/free_hugepages", f"{total}\n")
        for one in (0, 1):
            count = total if one == node else 0
            path = f"sys/devices/system/node/node{one}/hugepages/{name}/nr_hugepages"
            self.write(path, f"{count}\n")
        limit = "sys/fs/cgroup/kubepods.slice/hugetlb.2MB.max"
        self.write(limit, f"{kubelet * KIB * 1024}\n")

    def cni(self, chain: object) -> None:
        self.write("etc/cni/net.d/10-azure.conflist", json.dumps(chain))

    def agent(self, status: NodeStatus, **spec: object) -> None:
        copy = Copy(generation=1, spec=spec, status=replace(status, observed_generation=1))
        self.write("run/netvsc/netvscnode.json", json.dumps(to_plain(copy)))
