"""Scrapes as OpenMetrics text with times, which promtool makes a Prometheus' blocks of.

Labels are those that a PodMonitor's targets have: job from the pod's label of its name, and, with
honorLabels, `pod` of netvsc_pair_allocation_info is the holder's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import CollectorRegistry


@dataclass(frozen=True, slots=True)
class Target:
    job: str
    instance: str
    pod: str
    registry: CollectorRegistry

    def labels(self) -> dict[str, str]:
        return {
            "job": self.job,
            "instance": self.instance,
            "namespace": "netvsc-system",
            "pod": self.pod,
            "container": self.job.removeprefix("netvsc-"),
            "endpoint": "metrics",
        }


def scrape(target: Target, at: float) -> Iterator[str]:
    """One line a sample, `up` first."""
    yield _line("up", target.labels(), 1, at)
    for family in target.registry.collect():
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                yield _line(sample.name, target.labels() | sample.labels, sample.value, at)


def _line(name: str, labels: Mapping[str, str], value: float, at: float) -> str:
    # An empty label is none.
    pairs = ",".join(f'{key}="{text}"' for key, text in labels.items() if text)
    return f"{name}{{{pairs}}} {float(value)!r} {at:.3f}"
