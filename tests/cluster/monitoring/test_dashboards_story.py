"""A migration in the real cluster, scraped from the real programs: the dashboards show it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from cluster import testpmd
from cluster.deployments.agent_only import wait_allocatable
from cluster.deployments.full_chart import NAMESPACE
from cluster.deployments.simulated_nics import NICS
from cluster.harness import ClusterError
from cluster.harness.wait import until
from cluster.monitoring.dashboards import FILES, Panel, inlined, panels, read
from cluster.monitoring.prometheus import scraping
from cluster.pods import Pods
from cluster.stories.story import FORWARDER, HOME_SLOT, PAIR, Story, forwarder

if TYPE_CHECKING:
    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from cluster.monitoring.prometheus import Prometheus

pytestmark = pytest.mark.cluster

NAME = "app.kubernetes.io/name"
PATIENCE_S = 30
PANELS = [panel for file in FILES for panel in panels(read(file))]
# Nothing went wrong, so these stay at 0, or have nothing to draw.
GOOD_NEWS = {
    "Verbs mismatch",
    "Pairing conflicts",
    "Netlink overruns, 24 h",
    "Re-announcements",
    "Escalated, 24 h",
}


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    cluster.image(testpmd.IMAGE, testpmd.files())
    return Pods(cluster, namespace)


def test_a_migration_shows_on_every_panel(cluster: Cluster, whole: Nics, pods: Pods) -> None:
    wait_allocatable(cluster, PAIR, len(NICS))
    with scraping(cluster, targets(cluster)) as metrics:
        until(metrics.targets_up, what="every program to be scraped", seconds=PATIENCE_S)
        story = migrated(cluster, whole, pods, metrics)
        quiet = quiet_after(metrics, seconds=PATIENCE_S)
        cluster.kubectl("delete", "pod", FORWARDER, "-n", pods.namespace, "--wait")
        story.wait_free()
    story.revoke()
    story.give(HOME_SLOT)
    assert quiet == []


def targets(cluster: Cluster) -> dict[str, list[str]]:
    """As the chart's PodMonitor finds them: each pod's port `metrics`, by the pod's name label."""
    found: dict[str, list[str]] = {}
    for pod in cluster.get("pods", "-n", NAMESPACE)["items"]:
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", []):
                if port.get("name") == "metrics":
                    address = f"{pod['status']['podIP']}:{port['containerPort']}"
                    found.setdefault(pod["metadata"]["labels"][NAME], []).append(address)
    return found


def migrated(cluster: Cluster, nics: Nics, pods: Pods, metrics: Prometheus) -> Story:
    """A pod with a pair, whose VF leaves and comes back elsewhere."""
    pods.start(forwarder())
    story = Story(cluster, nics, pods)
    assert story.forwards_on_vf()
    story.wait_condition("True")
    story.revoke()
    story.wait_condition("False")
    assert story.forwards_on_fallback()
    story.wait_status(path="Synthetic", announcement="Away")
    lost = f'netvsc_pair_path{{pair="{story.vf.id}", path="Synthetic"}}'
    until(lambda: metrics.value(lost) == 1, what=f"{lost} to be scraped", seconds=PATIENCE_S)
    story.give(5)
    assert story.forwards_on_vf()
    story.wait_status(path="VF", announcement="Taken")
    return story


def quiet_after(metrics: Prometheus, *, seconds: float) -> list[str]:
    """The panels that say nothing even then: a scrape, and a rate of several, take their time."""
    with suppress(ClusterError):
        until(lambda: not silent(metrics), what="all panels", seconds=seconds, pause=1)
    return silent(metrics)


def silent(metrics: Prometheus) -> list[str]:
    """The panels that have shown nothing, at any moment until now."""
    return [
        str(panel) for panel in PANELS if panel.title not in GOOD_NEWS if not _shown(metrics, panel)
    ]


def _shown(metrics: Prometheus, panel: Panel) -> bool:
    asked = (f"max_over_time(({inlined(query.text)})[5m:1s]) > 0" for query in panel.queries)
    return any(metrics.ask(query) for query in asked)
