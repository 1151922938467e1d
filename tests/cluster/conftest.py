"""One cluster for the whole test run, a namespace of its own for each test."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cluster import traces
from cluster.deployments import full_chart as whole_chart
from cluster.deployments.agent_only import TAG, install, load_agent, uninstall
from cluster.harness import Cluster
from cluster.harness.diagnosis import diagnosis

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from cluster.deployments.simulated_nics import Nics


@pytest.fixture(scope="session", autouse=True)
def machine() -> Iterator[None]:
    """After the run the machine is as it was: no file, link or mount of a node's is left on it."""
    before = traces.machine()
    yield
    assert traces.left_on(before, traces.machine()) == []


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    # Several runs on one machine need several names.
    made = Cluster(name=os.environ.get("NETVSC_CLUSTER", "tests"))
    made.up()
    yield made
    made.down()


@pytest.fixture(scope="session")
def agent_image(cluster: Cluster) -> str:
    return load_agent(cluster)


@pytest.fixture(scope="module")
def installed(cluster: Cluster, agent_image: str) -> Iterator[Nics]:
    """Pairs on the node in two pools of a file, and the chart from this tree."""
    assert agent_image.endswith(TAG)
    nics = install(cluster)
    yield nics
    uninstall(cluster)
    nics.remove()


@pytest.fixture(scope="session")
def left_installed() -> list[Nics]:
    """What one module leaves for the next, which wants the same."""
    return []


@pytest.fixture(scope="module")
def whole(
    cluster: Cluster,
    agent_image: str,
    left_installed: list[Nics],
    request: pytest.FixtureRequest,
) -> Iterator[Nics]:
    """Pairs on the node in the chart's own pool, and all of the chart."""
    assert agent_image.endswith(TAG)
    nics = left_installed.pop() if left_installed else whole_chart.install(cluster)
    yield nics
    if _next_module_wants("whole", request):
        left_installed.append(nics)
        return
    whole_chart.uninstall(cluster)
    nics.remove()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that want the same installation follow one another: it is made once for all of them."""
    wants: dict[Path, int] = {}
    for item in items:
        named = getattr(item, "fixturenames", ())
        wanted = 2 if "whole" in named else 1 if "installed" in named else 0
        wants[item.path] = max(wanted, wants.get(item.path, 0))
    items.sort(key=lambda item: wants[item.path])


def _next_module_wants(fixture: str, request: pytest.FixtureRequest) -> bool:
    items = request.session.items
    last = max(number for number, item in enumerate(items) if item.path == request.path)
    following = items[last + 1 : last + 2]
    return any(fixture in getattr(item, "fixturenames", ()) for item in following)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """When the test ends its pods are gone, so that the next one finds a quiet node."""
    name = f"t-{secrets.token_hex(4)}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", "-n", name, "--timeout=30s")
    yield name
    cluster.kubectl("delete", "pods", "--all", "-n", name, "--wait", "--timeout=60s")
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure tells a newcomer what to look at."""
    report = yield
    fixtures: dict[str, Any] = getattr(item, "funcargs", {})
    if report.failed and "cluster" in fixtures:
        report.sections.append(("the cluster", diagnosis(fixtures["cluster"])))
    return report
