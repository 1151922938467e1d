"""All of the chart in two versions: agents of the one, operator of the other, and back.

Between the two is what people do: `helm upgrade`, `helm rollback`. Agents alone are of another
version while a DaemonSet is rolled out: that is modelled by its object from the other chart.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING

from cluster.deployments import full_chart, previous_version
from cluster.deployments.agent_only import REPOSITORY, TAG, wait_allocatable
from cluster.deployments.simulated_nics import NICS
from cluster.harness import addresses
from cluster.stories.story import PAIR, timed

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.harness import Cluster

_AGENT = f"daemonset/{full_chart.AGENTS[3].rpartition('=')[2]}"


class Version(StrEnum):
    """By the tag of its images."""

    OLD = previous_version.TAG
    NEW = TAG


class Mixture:
    """`operator` is what the release says, `agent` what the DaemonSet is."""

    def __init__(self, cluster: Cluster) -> None:
        self.agent = self.operator = Version.OLD
        self._cluster = cluster
        for version in Version:
            (cluster.layout.run / f"{version}.json").write_text(json.dumps(_values(version)))

    def install(self) -> None:
        """The old version, on a cluster that has never seen another."""
        crds = ("netvscnodes.netvsc.io", "netvscpools.netvsc.io")
        self._cluster.kubectl("delete", "crd", *crds, "--ignore-not-found")
        self._helm("install", self.operator, "--create-namespace")

    def become(self, *, agent: Version, operator: Version) -> None:
        if operator is not self.operator:
            with timed(f"operator {self.operator} → {operator}, agent along"):
                self._all(operator)
        if agent is not self.agent:
            with timed(f"agent {self.agent} → {agent}, operator {operator}"):
                self._agent(agent)
        wait_allocatable(self._cluster, PAIR, len(NICS))

    def _all(self, version: Version) -> None:
        if version is Version.OLD:
            self._cluster.helm("rollback", "netvsc", "1", "--wait", *full_chart.WHERE)
        else:
            self._helm("upgrade", version)
        self.agent = self.operator = version
        # Where the DaemonSet was of that version before, nothing was rolled out.
        self._cluster.kubectl("rollout", "status", _AGENT, *full_chart.AGENTS[:2], "--timeout=60s")

    def _agent(self, version: Version) -> None:
        only = ("--show-only", "templates/deviceplugin/daemonset.yaml", "--kube-version", "1.30.0")
        text = self._cluster.helm(
            "template", "netvsc", *self._chart(version), *only, *full_chart.WHERE[:2]
        )
        self._cluster.kubectl("replace", "-f", "-", *full_chart.AGENTS[:2], stdin=text)
        self._cluster.kubectl("rollout", "status", _AGENT, *full_chart.AGENTS[:2], "--timeout=60s")
        self.agent = version

    def _helm(self, verb: str, version: Version, *more: str) -> None:
        self._cluster.helm(
            verb, "netvsc", *self._chart(version), "--wait", *full_chart.WHERE, *more
        )

    def _chart(self, version: Version) -> tuple[str, str, str]:
        values: Path = self._cluster.layout.run / f"{version}.json"
        chart = previous_version.chart() if version is Version.OLD else full_chart.CHART
        return chart, "--values", str(values)

    def running(self) -> dict[str, set[str]]:
        """The images that run, by what they are for."""
        found: dict[str, set[str]] = {}
        for pod in self._cluster.get("pods", *full_chart.AGENTS[:2])["items"]:
            part = pod["metadata"]["labels"].get("app.kubernetes.io/name", "")
            if (
                "deletionTimestamp" not in pod["metadata"]
                and pod["spec"]["nodeName"] == addresses.NODE
            ):
                found.setdefault(part, set()).update(
                    one["image"] for one in pod["spec"]["containers"]
                )
        return found


def _values(version: Version) -> dict[str, object]:
    return {
        **full_chart.VALUES,
        "image": {"repository": REPOSITORY, "tag": version.value},
        "fdpipe": {"repository": full_chart.SIDECAR, "tag": version.value},
    }


def load(cluster: Cluster, *, new: bool = True) -> None:
    """The images of both; the new agent's must be there."""
    cluster.load(previous_version.image())
    full_chart.load_sidecar(cluster, tag=Version.OLD, program=previous_version.program)
    if new:
        full_chart.load_sidecar(cluster, tag=Version.NEW)
