"""Resources of a pod as a whole (KEP-2837): they must hold what its containers request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netvsc.encoding import checks
from netvsc_operator.admission.pod.containers import Object, entries, items
from netvsc_operator.admission.pod.resources import Amounts, amounts, has_pod_level, requests_of
from netvsc_operator.admission.quantity import ONE, quantity


def raised(
    spec: Object, sidecar: Mapping[str, Mapping[str, str]] | None
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


def _aggregate(spec: Object, resource: str) -> int:
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


def _request(container: Object, resource: str) -> int:
    resources = entries(container, "resources")
    limits: Amounts = amounts(resources, "limits")
    return requests_of(resources, limits).get(resource, 0)
