"""Debian's testpmd as a container image: the program, its libraries, the drivers of a pair."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.harness.images import Link, libraries
from dpdk import lines
from dpdk.pod import af_packet, failsafe
from dpdk.testpmd import NO_PCI_SCAN

if TYPE_CHECKING:
    from cluster.harness.images import Content

IMAGE = "netvsc.io/test/testpmd:1"
_DRIVERS = (
    "bus_vdev",
    "bus_pci",
    "mempool_ring",
    "net_failsafe",
    "net_af_packet",
    "net_vdev_netvsc",  # loaded to be told that it is not wanted
)
_FAKEVF = "/fakevf.so"


def files() -> dict[str, Content]:
    program = Path(shutil.which("dpdk-testpmd") or "/usr/bin/dpdk-testpmd")
    fakevf = lines.named("22.11").plugin
    found: dict[str, Content] = {"/usr/bin/dpdk-testpmd": program, _FAKEVF: fakevf}
    found |= libraries(program) | libraries(fakevf)
    [drivers] = Path("/usr/lib").glob("*-linux-gnu/dpdk/pmds-*")
    for name in _DRIVERS:
        [driver] = drivers.glob(f"librte_{name}.so.*.*")
        found |= libraries(driver)
        found[str(driver)] = driver
    # A driver found as two files would be two drivers: the linker's name leads to EAL's file.
    for path, target in [(path, Path(path).resolve()) for path in found]:
        if target.parent == drivers and path != str(target):
            found |= {path: Link(str(target)), str(target): target}
    return found


def command(netvsc: str) -> list[str]:
    """As the webhook will write it, but for hugepages, which test machines lack."""
    port = failsafe(0, af_packet(0).replace("netvsc0", netvsc))
    eal = ["-l", "0,1", "--no-huge", "-m", "256", "--no-shconf", "--no-telemetry"]
    application = ["--forward-mode=macswap", "--total-num-mbufs=4096", "--no-mlockall"]
    return ["dpdk-testpmd", *NO_PCI_SCAN, "-d", _FAKEVF, f"--vdev={port}", *eal, "--", *application]
