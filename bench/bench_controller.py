"""The controller at a real apiserver: how soon people are told, and what it costs.

500 nodes by default, as in CI; 5,000 with NETVSC_SOAK=1, which takes six minutes. The apiserver and
the simulated agents share the machine with it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.resources import files
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from cluster.apiserver import apiserver  # noqa: E402 (after the path that leads to it)
from sim.cluster.controller_load import CI, FULL, figures  # noqa: E402


def measure(_rounds: int) -> dict[str, list[float]]:
    """Return seconds from an agent's write until people see what was told, and MiB."""
    size = FULL if os.environ.get("NETVSC_SOAK") else CI
    with apiserver("bench-controller") as cluster:
        for name in ("netvscnodes", "netvscpools"):
            text = (files("netvsc_operator") / "crds" / f"{name}.yaml").read_text()
            cluster.kubectl("apply", "--server-side", "-f", "-", stdin=text)
            cluster.kubectl("wait", "--for=condition=Established", f"crd/{name}.netvsc.io")
        found = asyncio.run(figures(cluster.layout.kubeconfig, size))
    print(found.table(size))
    told = {f"controller: {what}": lags for what, lags in found.lags.items()}
    return told | {
        "controller: level after a restart": [found.again_s],
        "controller RSS (MiB)": [found.peak_mib],
    }
