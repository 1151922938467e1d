"""What each measurement may cost (docs/benchmarks.md), and beside whom it stands.

Names are those that the `measure` functions return. Times in seconds, memory in MiB.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Upper bounds of a distribution; None is not bounded."""

    p50: float | None = None
    p99: float | None = None
    worst: float | None = None


BUDGETS = {
    "VF usable → line readable": Budget(p50=0.001, p99=0.005),
    "VF usable → line readable, 20m CPU": Budget(p50=0.001, p99=0.005),
    "VF gone → pipe empty": Budget(p99=0.005),
    "VF gone → pipe empty, 20m CPU": Budget(p99=0.005),
    "VF back → application forwarding (hotplug_poll 100)": Budget(p50=0.1, p99=0.25),
    "sidecar start → ready": Budget(worst=0.050),
    "sidecar RSS (MiB)": Budget(worst=0.125),
    "sidecar wakeups per second, idle": Budget(worst=0.0),
    "agent start → registered": Budget(worst=0.5),
    "kubelet restart → registered": Budget(p50=0.1, worst=1.0),
    "change → ListAndWatch": Budget(worst=0.050),
    "Allocate": Budget(p99=0.005),
    "scan of 64 pairs": Budget(worst=0.025),
    "agent RSS (MiB)": Budget(worst=64.0),
    "agent with --node RSS (MiB)": Budget(worst=64.0),
    "agent RSS, a pair in its pod (MiB)": Budget(worst=64.0),
    "agent with --node CPU idle (share of a core)": Budget(worst=0.002),
    "controller: VFRevoked": Budget(worst=10.0),
    "controller: VFReturned": Budget(worst=10.0),
    "controller: Accelerated=False": Budget(worst=10.0),
    "controller: Accelerated=True": Budget(worst=10.0),
    "controller RSS (MiB)": Budget(worst=250.0),
    "admission: decision alone": Budget(p50=0.00015),
    "admission: one client": Budget(p50=0.000335, p99=0.001),
    "admission: CPU of a review": Budget(worst=0.00033),
    "agent CPU idle (share of a core)": Budget(worst=0.002),
}

# The peer in the same run, where there is one.
PEERS = {
    "admission: one client": "kopf's webhook server: one client",
    "admission: 16 clients": "kopf's webhook server: 16 clients",
    "admission: CPU of a review": "kopf's webhook server: CPU of a review",
    "VF usable → line readable": "vdev_netvsc's poll (its algorithm): VF usable → line readable",
    "VF back → application forwarding (hotplug_poll 100)": (
        "vdev_netvsc's way (its algorithm): VF back → application forwarding"
    ),
    "CNI ADD of one pair": "netlink: two bare moves",
    "CNI DEL of one pair": "netlink: two bare moves",
    "scan of 64 pairs": "pyroute2: dump of the same links",
}
