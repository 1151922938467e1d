"""Why a pod gets what it gets, in sentences; for people, so not made at admission."""

from __future__ import annotations

from collections.abc import Iterator

from netvsc.model.pool import Mode
from netvsc_operator.admission.annotations import MODE, POLL_MS, VDEV_NETVSC, Guard, VdevNetvsc
from netvsc_operator.admission.eal.terms import FAILSAFE
from netvsc_operator.admission.plan import Plan, Served
from netvsc_operator.admission.pod.containers import Object, entries
from netvsc_operator.admission.pod.resources import has_pod_level, qos_of, sidecar_resources
from netvsc_operator.admission.sidecar import NAME

_DOES = {
    Mode.FAILSAFE_FD: "the launcher opens its pipe and starts its command",
    Mode.FAILSAFE_EXEC: "fail-safe asks fdpipe for the VF, and nothing is put before its program",
    Mode.VDEV_NETVSC: "DPDK's own driver looks for the VF, and nothing of ours runs in the pod",
    Mode.NONE: "its pairs get names, and the rest is its own business",
}


def reasons(pod: Object, plan: Plan) -> Iterator[str]:
    for served in plan.served:
        yield from _of_container(served, plan)
    if plan.announced():
        yield from _of_sidecar(entries(pod, "spec"), plan)


def _of_container(served: Served, plan: Plan) -> Iterator[str]:
    for resource in served.container.pairs:
        names = ", ".join(p.interface for p in served.pairs if p.resource == resource)
        pool = plan.terms.pools[resource].name
        yield f"{served.container}: {resource} (pool {pool}) is {names or 'one of the later ones'}"
    yield f"{served.container}: mode {served.mode}, {_why(served, plan)}: {_DOES[served.mode]}"
    if served.place:
        yield f"{served.container}: EAL's arguments go {served.place.where}"
    if plan.terms.wishes.vdev_netvsc is VdevNetvsc.ABSENT and served.mode in FAILSAFE:
        yield f"{served.container}: its DPDK has no net_vdev_netvsc, as {VDEV_NETVSC} says"
    if plan.terms.wishes.guard is Guard.AUTO and served.mode is Mode.FAILSAFE_EXEC:
        yield f"{served.container}: the guard comes by LD_PRELOAD"


def _why(served: Served, plan: Plan) -> str:
    if plan.terms.wishes.mode not in {None, Mode.AUTO}:
        return f"as the annotation {MODE} says"
    pools = {plan.terms.pools[resource] for resource in served.container.pairs}
    if plan.terms.wishes.mode is None and any(pool.mode is not Mode.AUTO for pool in pools):
        return "as its pool says"
    return "since it has a command" if served.container.words("command") else "since it has args"


def _of_sidecar(spec: Object, plan: Plan) -> Iterator[str]:
    numbers = ", ".join(f"{pair.number:02d}={pair.interface}" for pair in plan.announced())
    source = f"the annotation {POLL_MS}" if plan.terms.wishes.poll_ms else "the pool"
    yield f"sidecar {NAME} announces {numbers}; hotplug_poll is {plan.terms.poll_ms} ms by {source}"
    resources = sidecar_resources(spec) or {}
    given = " and ".join(resources) or "neither requests nor limits"
    cause = "by its own resources (KEP-2837)" if has_pod_level(spec) else "and stays so"
    yield f"the pod is {qos_of(spec)}, {cause}: the sidecar has {given}"
