"""Whatever dies, hangs, fills up or is cut off: what the project promises holds (docs/chaos.md).

NETVSC_CHAOS_S says for how long (300 s; with NETVSC_SOAK=1 1200), NETVSC_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from cluster.chaos import faults, state_folder
from cluster.chaos.figures import told
from cluster.chaos.play import Run
from cluster.chaos.quiet import settle
from cluster.chaos.schedule import schedule
from cluster.chaos.seen import Invariant
from cluster.chaos.watch import Watch
from cluster.harness.wait import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

SECONDS = float(
    os.environ.get("NETVSC_CHAOS_S") or (1200 if os.environ.get("NETVSC_SOAK") == "1" else 300)
)


def test_what_chaos_looks_for_it_finds(cluster: Cluster, whole: Nics, namespace: str) -> None:
    """Faults planted on purpose, each of one invariant; in between all is well."""
    run = Run(cluster, namespace, whole, seed=0)
    try:
        run.open()
        stage, host = run.stage, run.host
        with faults.vf_taken_home(stage, host):
            assert Invariant.PAIR in quiet_finds(run)
        assert settle(stage, host, lambda _: []).broken == ()
        with faults.host_name_lost(stage):
            assert quiet_finds(run) == {Invariant.NAME}
        assert settle(stage, host, lambda _: []).broken == ()
        with faults.wrong_line(stage):
            assert watch_finds(run) == {Invariant.ANNOUNCEMENT}
        with faults.line_left_behind(stage, host):
            assert watch_finds(run) == {Invariant.ANNOUNCEMENT}
        assert settle(stage, host, lambda _: []).broken == ()
        assert Watch(stage, host).once() == []
        faults.application_killed(stage)
        assert watch_finds(run) == {Invariant.APPLICATION}
    finally:
        run.stage.close()
        run.host.all_back()


def test_chaos_breaks_nothing_that_is_promised(
    cluster: Cluster, whole: Nics, namespace: str, loud: Callable[[str], None]
) -> None:
    seed = int(os.environ.get("NETVSC_SEED") or random.SystemRandom().randrange(10**6))
    loud(f"\nNETVSC_SEED={seed}, {SECONDS:g} s")
    with state_folder.small(cluster):
        run = Run(cluster, namespace, whole, seed=seed)
        try:
            run.play(schedule(seed, SECONDS))
        finally:
            run.stage.close()
            run.host.all_back()
            loud(told(run))
    assert run.figures.quiets


@pytest.fixture
def loud(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Print past pytest's capture: a seed and figures are of use also where all goes well."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(text, flush=True)

    return say


def quiet_finds(run: Run) -> set[Invariant]:
    """What is broken once things have had a second to settle."""
    return {one.invariant for one in settle(run.stage, run.host, lambda _: [], within=1.0).broken}


def watch_finds(run: Run) -> set[Invariant]:
    watch = Watch(run.stage, run.host)
    found = until(watch.once, what="the watch to find something", seconds=20, pause=0.1)
    return {one.invariant for one in found}
