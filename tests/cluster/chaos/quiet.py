"""The quiet after a storm: everybody is back at work, and within 10 s everything is right."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from cluster.chaos import invariants, processes
from cluster.chaos.observe import snapshot
from cluster.chaos.processes import OURS, Who
from cluster.chaos.runtime import networks
from cluster.chaos.seen import Broken, Invariant, Snapshot
from cluster.chaos.steps import APPLICATIONS
from cluster.deployments.full_chart import NAMESPACE
from cluster.deployments.sidecar_only import echoes
from cluster.harness.wait import until
from cluster.stories.shared import condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.chaos.growth import Usage
    from cluster.chaos.host import Host
    from cluster.chaos.seen import Truth
    from cluster.chaos.stage import Stage

WITHIN_S = 10.0
_BACK_S = 120.0  # the kubelet's back-off is part of it
_PAUSE_S = 0.2
_OURS = 4  # pods: agent, controller, two webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """How it went: `broken` is what was not right in the end, `took` how long the rest took."""

    broken: tuple[Broken, ...]
    took: float
    last: Snapshot


def settle(
    stage: Stage, host: Host, more: Callable[[Snapshot], list[Broken]], within: float = WITHIN_S
) -> Quiet:
    """Look until everything is right. `more` are rules that need what happened before."""
    began = time.monotonic()
    while True:
        truth, seen = stage.truth(host), snapshot(stage)
        broken = [*invariants.judge(truth, seen), *more(seen)]
        took = time.monotonic() - began
        if not broken or took > within:
            return Quiet(broken=tuple(broken), took=took, last=seen)
        time.sleep(_PAUSE_S)


def back_at_work(stage: Stage) -> None:
    """Whoever was killed was started again: the kubelet's affair, not ours."""
    until(partial(_ready, stage), what="all of ours to be Ready", seconds=_BACK_S, pause=0.2)
    for role in APPLICATIONS:
        if role in stage.holders:
            look = partial(processes.find, stage.cluster, Who.SIDECAR, pod=stage.uids[role])
            until(look, what=f"the sidecar of {role}", seconds=_BACK_S, pause=0.1)


def networks_gone(stage: Stage) -> None:
    """Of pods that are gone: a kubelet that was killed sweeps what is left, once a minute."""
    until(
        partial(_none_left, stage),
        what="the runtime to have no network of a pod that is gone",
        seconds=_BACK_S,
        pause=0.3,
    )


def forwarding(truth: Truth) -> str | None:
    """The netdev over which the forwarder must answer now; None if there is no forwarder."""
    for nic in truth.nics:
        if nic.role is APPLICATIONS[0] and nic.role in truth.holders:
            return nic.vf or nic.name
    return None


def frames(stage: Stage, truth: Truth) -> list[Broken]:
    """What comes in goes out: over the VF where there is one, else over the fallback."""
    netdev = forwarding(truth)
    if netdev is None or echoes(stage.cluster, netdev):
        return []
    return [Broken(invariant=Invariant.FORWARDING, what=f"no frame comes back from {netdev}")]


def usages(stage: Stage) -> list[Usage]:
    ours = [one for one in processes.everybody(stage.cluster) if one.who in OURS]
    return [found for one in ours if (found := processes.usage(one))]


def _none_left(stage: Stage) -> bool:
    pods = stage.cluster.get("pods", "-n", stage.namespace)["items"]
    stay = {one["metadata"]["uid"] for one in pods if "deletionTimestamp" not in one["metadata"]}
    return networks(stage.cluster, stage.namespace) <= stay


def _ready(stage: Stage) -> bool:
    there = stage.cluster.get("pods", "-n", NAMESPACE)["items"]
    pods = [pod for pod in there if pod["status"].get("phase") != "Succeeded"]  # such as helm's
    states = [condition(pod, "Ready").get("status") for pod in pods]
    going = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
    return len(pods) == _OURS and not going and set(states) == {"True"}
