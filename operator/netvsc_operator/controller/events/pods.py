"""Pods, one by one and only at need: who they are, and the one condition of theirs that is ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from netvsc.model.status import PairStatus
from netvsc_operator.admission import sidecar
from netvsc_operator.controller.events.pod_condition import TYPE, Accelerated
from netvsc_operator.controller.events.recorder import Ref
from netvsc_operator.kube import PODS, Kube, NotFound, Patch
from netvsc_operator.objects import Object

MANAGER = "netvsc-controller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`since` is when our condition changed last, what it says follows; None before the first."""

    ref: Ref
    made: str | None
    sidecar: bool
    since: str | None
    status: str | None
    reason: str | None
    message: str | None

    def shows(self, condition: Accelerated) -> bool:
        """Tell whether the pod's condition says that already."""
        there = (self.status, self.reason, self.message)
        return there == (condition.status.value, condition.reason, condition.message)


class Pods:
    """`clock` is the wall clock, in seconds."""

    def __init__(self, kube: Kube, *, clock: Callable[[], float] = time.time) -> None:
        self._kube = kube
        self._clock = clock

    async def look(self, pod: str, *, node: str) -> Facts | None:
        """Read `namespace/name`; None if it is gone, or on another node.

        An agent says which pods hold its pairs. Of those of another node it knows nothing.
        """
        namespace, _, name = pod.partition("/")
        try:
            found = await self._kube.get(PODS, name, namespace=namespace)
        except NotFound:
            return None
        return facts(found) if placed(found) in {None, node} else None

    async def show(self, pod: Facts, condition: Accelerated) -> None:
        """Write the condition; a pod that is gone needs none. Raises Conflict: look again."""
        kept = pod.since if pod.status == condition.status.value else None
        body = applied(pod.ref, condition, since=kept or _seconds(self._clock()))
        with suppress(NotFound):
            await self._kube.patch(
                PODS,
                pod.ref.name,
                body,
                how=Patch.APPLY,
                namespace=pod.ref.namespace,
                part="status",
                manager=MANAGER,
                force=True,
            )


def pod_of(pair: PairStatus) -> str | None:
    """Return `namespace/name` of the pod that holds a pair."""
    one = pair.allocation
    return f"{one.namespace}/{one.pod}" if one else None


def placed(pod: Object) -> str | None:
    """Return the node that the scheduler chose."""
    node: str | None = (pod.get("spec") or {}).get("nodeName")
    return node


def facts(pod: Object) -> Facts:
    meta, spec = pod["metadata"], pod.get("spec") or {}
    told = (pod.get("status") or {}).get("conditions") or []
    ours: Object = next((one for one in told if one.get("type") == TYPE), {})
    return Facts(
        ref=Ref(kind="Pod", name=meta["name"], uid=meta["uid"], namespace=meta["namespace"]),
        made=meta.get("creationTimestamp"),
        sidecar=any(one.get("name") == sidecar.NAME for one in spec.get("initContainers") or []),
        since=ours.get("lastTransitionTime"),
        status=ours.get("status"),
        reason=ours.get("reason"),
        message=ours.get("message"),
    )


def applied(pod: Ref, condition: Accelerated, *, since: str) -> Object:
    """Return what is applied: with the uid, so that a namesake is left alone."""
    told = {
        "type": TYPE,
        "status": condition.status.value,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": since,
    }
    return {
        "apiVersion": PODS.api_version,
        "kind": "Pod",
        "metadata": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        "status": {"conditions": [told]},
    }


def _seconds(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
