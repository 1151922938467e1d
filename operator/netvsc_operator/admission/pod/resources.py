"""A pod's QoS class, and what the sidecar may ask for so that it stays what it is.

Kubernetes counts init containers (pkg/apis/core/v1/helper/qos): one without equal cpu and memory
turns a Guaranteed pod into a Burstable one and takes its exclusive cores away. Resources of a pod
as a whole (KEP-2837) must hold what its containers request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from netvsc.encoding import checks
from netvsc_operator.admission.pod.containers import ONE, quantity
from netvsc_operator.objects import Unchecked, entries, items

SIDECAR = {"cpu": "20m", "memory": "16Mi"}  # less memory, and the runtime cannot start it
COMPUTE = ("cpu", "memory")
Amounts = Mapping[str, int]


class Qos(StrEnum):
    GUARANTEED = "Guaranteed"
    BURSTABLE = "Burstable"
    BEST_EFFORT = "BestEffort"


def qos_of(spec: Unchecked) -> Qos:
    """Return the class of a pod; requests that are missing are those of the limits, as always."""
    if has_pod_level(spec):
        return _qos([entries(spec, "resources")])
    return _qos(resources_of(spec))


def sidecar_resources(spec: Unchecked) -> dict[str, dict[str, str]] | None:
    """Return what the sidecar's container says, None if it says nothing.

    A limit where every other container has one: a quota on limits that lets them pass lets the
    sidecar pass too, and elsewhere nothing throttles it. Where no other container says anything
    it says nothing either: then the pod is BestEffort, or has resources as a whole (KEP-2837)
    that the sidecar lives on.
    """
    every = resources_of(spec)
    if _qos(every) is Qos.BEST_EFFORT:
        return None
    limits = [amounts(one, "limits") for one in every]
    bounded = {name: SIDECAR[name] for name in COMPUTE if all(name in one for one in limits)}
    return {"requests": dict(SIDECAR), **({"limits": bounded} if bounded else {})}


def has_pod_level(spec: Unchecked) -> bool:
    """Tell whether the pod has resources as a whole, which then decide even if they are empty."""
    return spec.get("resources") is not None


def resources_of(spec: Unchecked) -> list[Unchecked]:
    """Return what each container says, init containers first."""
    return [
        entries(checks.mapping(one, (key,)), "resources")
        for key in ("initContainers", "containers")
        for one in items(spec, key)
    ]


def _qos(every: list[Unchecked]) -> Qos:
    limits = [amounts(one, "limits") for one in every]
    requests = [requests_of(one, limit) for one, limit in zip(every, limits, strict=True)]
    if not any(requests) and not any(limits):
        return Qos.BEST_EFFORT
    whole = all(len(limit) == len(COMPUTE) for limit in limits)
    return Qos.GUARANTEED if whole and _total(requests) == _total(limits) else Qos.BURSTABLE


def requests_of(resources: Unchecked, limits: Amounts) -> Amounts:
    """Return the amounts; one that is given as 0 stays so, one that is missing is the limit's."""
    given = entries(resources, "requests")
    missing = {name: amount for name, amount in limits.items() if name not in given}
    return {**missing, **amounts(resources, "requests")}


def amounts(resources: Unchecked, key: str) -> Amounts:
    """Return what is given of cpu and memory, in billionths; a 0 counts as nothing."""
    given = entries(resources, key)
    found = {name: quantity(given[name]) for name in COMPUTE if name in given}
    return {name: amount for name, amount in found.items() if amount > 0}


def _total(several: list[Amounts]) -> list[int]:
    return [sum(one.get(name, 0) for one in several) for name in COMPUTE]


def raised(
    spec: Unchecked, sidecar: Mapping[str, Mapping[str, str]] | None
) -> Iterator[tuple[str, str, str]]:
    """Yield (requests or limits, resource, amount) where the pod's own are too tight for one more.

    A limit that is equal to its request stays equal, and with it the QoS class.
    """
    if sidecar is None or not has_pod_level(spec):
        return
    whole = entries(spec, "resources")
    requests, limits = amounts(whole, "requests"), amounts(whole, "limits")
    for resource, more in sidecar["requests"].items():
        needed = _aggregate(spec, resource) + quantity(more)
        have = requests.get(resource)
        if have is None or needed <= have:
            continue
        yield "requests", resource, written(resource, needed)
        limit = limits.get(resource)
        if limit is not None and (limit == have or limit < needed):
            yield "limits", resource, written(resource, needed)


def written(resource: str, amount: int) -> str:
    """Return an amount as Kubernetes writes it: cpu in thousandths, memory in bytes."""
    if resource == "cpu":
        return f"{-(-amount * 1000 // ONE)}m"
    return str(-(-amount // ONE))


def _aggregate(spec: Unchecked, resource: str) -> int:
    """Return what the containers need at most at one time (KEP-753): sidecars stay, inits end."""
    staying = highest = 0
    for given in items(spec, "initContainers"):
        container = checks.mapping(given, ("initContainers",))
        request = _request(container, resource)
        if container.get("restartPolicy") == "Always":
            staying += request
            highest = max(highest, staying)
        else:
            highest = max(highest, staying + request)
    main = sum(
        _request(checks.mapping(given, ("containers",)), resource)
        for given in items(spec, "containers")
    )
    return max(highest, staying + main)


def _request(container: Unchecked, resource: str) -> int:
    resources = entries(container, "resources")
    limits: Amounts = amounts(resources, "limits")
    return requests_of(resources, limits).get(resource, 0)
