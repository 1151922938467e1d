"""The decision: what a pod gets, or why it gets nothing. Nothing here touches the pod."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netvsc.errors import RequestError
from netvsc.model.interface_names import Names
from netvsc.model.pool import Mode, Pool
from netvsc_operator.admission import conflicts
from netvsc_operator.admission.annotations import PodSettings, settings_from, was_injected
from netvsc_operator.admission.eal.arguments import arguments
from netvsc_operator.admission.eal.placement import Placement, Words, find_placement
from netvsc_operator.admission.effective_settings import (
    FAILSAFE,
    Because,
    EffectiveSettings,
    mode_of,
)
from netvsc_operator.admission.pod.containers import Container, containers_of
from netvsc_operator.admission.pod.pair_numbers import PodPair, Shares, share
from netvsc_operator.admission.review import PodRefusedError
from netvsc_operator.objects import Unchecked, entries


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """One container with pairs; in mode none without placement and EAL's arguments.

    `preload`: the guard comes by the container's environment, not by the launcher.
    """

    container: Container
    mode: Mode
    because: Because
    pairs: tuple[PodPair, ...]
    placement: Placement | None = None
    words: Words = ()
    preload: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`announced` are the pairs that the sidecar follows; without one there is no sidecar."""

    names: Names
    containers: tuple[ContainerPlan, ...]
    settings: EffectiveSettings
    announced: tuple[PodPair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAlone:
    """A pod that is fine as it is."""

    reason: str


def decide(pod: Unchecked, *, pools: Mapping[str, Pool]) -> Plan | LeftAlone:
    """Decide on one pod; `pools` are by resource.

    Raises RequestError for a pod that cannot be served, PodRefusedError with several reasons.
    """
    spec = entries(pod, "spec")
    containers = containers_of(spec)
    if not any(container.pairs for container in containers):
        return LeftAlone(reason="no container asks for a pair")
    metadata = entries(pod, "metadata")
    if was_injected(metadata, containers):
        return LeftAlone(reason="it was injected before")
    _check_pod(spec, containers, pools)
    settings = _settings(containers, pools, settings_from(entries(metadata, "annotations")))
    if spec.get("hostNetwork"):
        return _on_the_hosts_network(containers, settings)
    shares = share(containers, prefixes={r: pool.interface_prefix for r, pool in pools.items()})
    plan = _planned(containers, shares, settings)
    if plan.announced and (reasons := list(conflicts.in_pod(spec, containers))):
        raise PodRefusedError(reasons)
    return plan


def _check_pod(spec: Unchecked, containers: Sequence[Container], pools: Mapping[str, Pool]) -> None:
    system = entries(spec, "os").get("name")
    if system == "windows" or entries(spec, "nodeSelector").get("kubernetes.io/os") == "windows":
        raise RequestError("the pod is for Windows, where DPDK has no fail-safe: ask for no pair")
    names = [container.name for container in containers]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise RequestError(f"two containers are called {twice[0]}: give each a name of its own")
    known = ", ".join(sorted(pools)) or "none yet"
    unknown = [
        f"{container} asks for {resource}, which is not a NetvscPool's resource: there are {known}"
        for container in containers
        for resource in container.pairs
        if resource not in pools
    ]
    if unknown:
        raise PodRefusedError(unknown)


def _settings(
    containers: Sequence[Container], pools: Mapping[str, Pool], pod: PodSettings
) -> EffectiveSettings:
    asked = {resource for one in containers for resource in one.pairs}
    quickest = min(pools[resource].hotplug_poll_ms for resource in asked)
    return EffectiveSettings(pools=pools, pod=pod, poll_ms=pod.poll_ms or quickest)


def _planned(containers: Sequence[Container], shares: Shares, settings: EffectiveSettings) -> Plan:
    served, reasons = [], []
    for asker in (container for container in containers if container.pairs):
        try:
            served.append(_served(asker, shares, settings))
        except RequestError as error:
            reasons.append(f"{asker}: {error}")
    if reasons:
        raise PodRefusedError(reasons)
    announced = _announced(served)
    return Plan(
        names=shares.names, containers=tuple(served), settings=settings, announced=announced
    )


def _announced(served: Sequence[ContainerPlan]) -> tuple[PodPair, ...]:
    """Return each pair once: it may have several readers in turn."""
    pairs = {pair.number: pair for one in served if one.mode in FAILSAFE for pair in one.pairs}
    return tuple(pairs[number] for number in sorted(pairs))


def _served(container: Container, shares: Shares, settings: EffectiveSettings) -> ContainerPlan:
    mode, because = mode_of(container, settings)
    if mode is Mode.NONE:
        pairs = shares.pairs.get(container.name, ())
        return ContainerPlan(container=container, mode=mode, because=because, pairs=pairs)
    pairs = _known_pairs(container, shares)
    preload = mode is Mode.FAILSAFE_EXEC and settings.guarded
    conflicts.check_container(container, preload=preload)
    placement = find_placement(container.words("command"), container.words("args"))
    words = arguments(pairs, mode=mode, settings=settings, near=placement.near)
    return ContainerPlan(
        container=container,
        mode=mode,
        because=because,
        pairs=pairs,
        placement=placement,
        words=words,
        preload=preload,
    )


def _known_pairs(container: Container, shares: Shares) -> tuple[PodPair, ...]:
    if container.name not in shares.pairs:
        raise RequestError(
            "which of the later containers' pairs it will see is left to the kubelet: let it ask "
            "for as many as the first of them, or for none"
        )
    return shares.pairs[container.name]


def _on_the_hosts_network(
    containers: Sequence[Container], settings: EffectiveSettings
) -> LeftAlone:
    asked = {resource for container in containers for resource in container.pairs}
    modes = {settings.pod.mode or settings.pools[resource].mode for resource in asked}
    if modes != {Mode.NONE}:
        raise RequestError(
            "hostNetwork: the pod has no network of its own that a pair could be in: remove "
            "hostNetwork, or serve the pod yourself with the annotation netvsc.io/mode: none"
        )
    return LeftAlone(reason="it is on the host's network, where its pairs stay")
