"""What helps up to DPDK 23.07 alone, where a second release darkens port 0 and kills nobody."""

from __future__ import annotations

from dpdk.pod import Pod
from dpdk.storm import Storm, rounds
from dpdk.verdicts import Table, Verdict


def test_gate_and_a_port_0_to_sacrifice_suffice_where_no_guard_can_be_loaded(
    pod: Pod, table: Table
) -> None:
    """AF_PACKET tells nobody when ports start, so the gate goes by the time."""
    storm = Storm(
        pod,
        sidecar=lambda: pod.announce("--gate", "started", "--gate-timeout-s", "2"),
        launch=lambda: pod.testpmd(guard="off", vdevs=["net_null7"], app=("--portlist=1",)),
    )
    removals = storm.survived(rounds(6, 100))
    table.add(
        Verdict(line=pod.line.name, remedy="port 0", case="removal storm", survived=removals,
                removals=removals, traffic=True)
    )  # fmt: skip
