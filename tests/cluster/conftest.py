"""One cluster for the whole test run, a namespace of its own for each test."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from cluster.harness import Cluster
from cluster.harness.diagnosis import diagnosis
from cluster.installed import TAG, WHERE, install, load_agent

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from cluster.simulated import Nics


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    made = Cluster(name="tests")
    made.up()
    yield made
    made.down()


@pytest.fixture(scope="session")
def agent_image(cluster: Cluster) -> str:
    return load_agent(cluster)


@pytest.fixture(scope="session")
def installed(cluster: Cluster, agent_image: str) -> Iterator[Nics]:
    """Pairs on the node in two pools of a file, and the chart from this tree."""
    assert agent_image.endswith(TAG)
    nics = install(cluster)
    yield nics
    cluster.helm("uninstall", "netvsc", *WHERE)
    nics.remove()


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
