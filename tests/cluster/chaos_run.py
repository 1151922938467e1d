"""Whatever dies, hangs, fills up or is cut off: what the project promises holds. `make chaos`.

NETVSC_CHAOS_S says for how long (300 s; with NETVSC_SOAK=1 1200), NETVSC_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from cluster.chaos import state_folder
from cluster.chaos.figures import told
from cluster.chaos.play import Run
from cluster.chaos.schedule import schedule

if TYPE_CHECKING:
    from cluster.harness import Cluster
    from cluster.simulated import Nics

pytestmark = pytest.mark.cluster

SECONDS = float(
    os.environ.get("NETVSC_CHAOS_S") or (1200 if os.environ.get("NETVSC_SOAK") == "1" else 300)
)


def test_chaos_breaks_nothing_that_is_promised(
    cluster: Cluster, whole: Nics, namespace: str
) -> None:
    seed = int(os.environ.get("NETVSC_SEED") or random.SystemRandom().randrange(10**6))
    print(f"NETVSC_SEED={seed}, {SECONDS:g} s")
    with state_folder.small(cluster):
        run = Run(cluster, namespace, whole, seed=seed)
        try:
            run.play(schedule(seed, SECONDS))
        finally:
            run.stage.close()
            run.host.all_back()
            print(told(run))
    assert run.figures.quiets
