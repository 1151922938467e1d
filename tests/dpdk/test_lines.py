"""Each line is what it is called, and the stand-in's driver sees it as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dpdk import lines
from dpdk.lines import Line
from dpdk.pod import Pod, af_packet, failsafe

LINES = lines.names()
HERE = Path(__file__).parent
SEEN = {
    "rte_eth_dev": ("rx_pkt_burst", "tx_pkt_burst", "data", "dev_ops", "device"),
    "rte_eth_dev_data": (
        "name", "rx_queues", "tx_queues", "nb_rx_queues", "nb_tx_queues", "dev_private", "dev_link",
        "mac_addrs", "port_id", "rx_queue_state", "tx_queue_state", "dev_flags", "numa_node",
    ),
    "rte_vdev_driver": ("probe", "remove"),
}  # fmt: skip
OPS = (
    "dev_configure", "dev_start", "dev_stop", "dev_set_link_up", "dev_set_link_down", "dev_close",
    "link_update", "promiscuous_enable", "promiscuous_disable", "allmulticast_enable",
    "allmulticast_disable", "mac_addr_set", "mtu_set", "stats_get", "stats_reset", "dev_infos_get",
    "rx_queue_setup", "tx_queue_setup",
)  # fmt: skip


def test_testpmd_says_which_dpdk_it_is(pod: Pod, line: Line) -> None:
    port = failsafe(0, af_packet(0), source="fd(77)")
    with pod.run_testpmd(pod.inside(), vdevs=[port], eal=("-v",)) as pmd:
        pmd.ready().wait(rf"RTE Version: 'DPDK {line.name}")


def program_of(headers: str) -> str:
    """What prints where everything stands by these headers, the same text for both."""
    ours = headers == '"driver.h"'
    shown = [f"offsetof(struct {kind}, {name})" for kind, names in SEEN.items() for name in names]
    for op in OPS:
        name = "OP_" + op.removeprefix("dev_").upper()
        shown.append(f"8 * {name}" if ours else f"offsetof(struct eth_dev_ops, {op})")
    shown.append("DEVICE_IN_VDEV" if ours else "offsetof(struct rte_vdev_device, device)")
    prints = "\n".join(f'printf("%zu\\n", (size_t)({one}));' for one in shown)
    return f"#include {headers}\n#include <stdio.h>\nint main(void) {{ {prints} return 0; }}\n"


def offsets(folder: Path, headers: str, flags: list[str]) -> list[str]:
    source, program = folder / "shapes.c", folder / "shapes"
    source.write_text(program_of(headers))
    subprocess.run(
        ["gcc", "-w", *flags, "-include", "rte_config.h", "-DALLOW_INTERNAL_API",
         "-DALLOW_EXPERIMENTAL_API", source, "-o", program], check=True,
    )  # fmt: skip
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("name", lines.with_source())
def test_the_shapes_that_we_declare_are_those_of_the_source(name: str, tmp_path: Path) -> None:
    line = lines.named(name)
    public, tree = lines.flags(line), line.tree
    assert tree
    inside = [f"-I{tree / one}" for one in ("lib/ethdev", "lib/eal/include", "drivers/bus/vdev")]
    ours = offsets(tmp_path, '"driver.h"', [f"-I{HERE}", *public])
    headers = "<ethdev_driver.h>\n#include <bus_vdev_driver.h>"
    assert ours == offsets(tmp_path, headers, [*public, *inside])
