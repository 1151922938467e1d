"""Warnings and reasons for a pod that is admitted: one table of them, with their conditions.

kubectl prints warnings with the answer; reasons are for `netvsc explain`, so no review pays for
them. Each stands here once, with its text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netvsc.model.pool import Fallback, Mode
from netvsc_operator.admission.annotations import (
    ANNOTATIONS,
    FALLBACK,
    MODE,
    POLL_MS,
    VDEV_NETVSC,
    Gate,
    GuardPort,
    VdevNetvsc,
    unknown,
)
from netvsc_operator.admission.conflicts import variable
from netvsc_operator.admission.eal.arguments import asks_for_driver, chooses_pci
from netvsc_operator.admission.eal.placement import (
    PLACEHOLDER,
    VARIABLE,
    closes_descriptors,
    refers,
)
from netvsc_operator.admission.effective_settings import FAILSAFE
from netvsc_operator.admission.plan import ContainerPlan, Plan
from netvsc_operator.admission.pod.resources import has_pod_level, qos_of, sidecar_resources
from netvsc_operator.admission.sidecar import NAME
from netvsc_operator.objects import Unchecked, entries, items

_NO_HUGE = "--no-huge"
_DOES = {
    Mode.FAILSAFE_FD: "the launcher opens its pipe and starts its command",
    Mode.FAILSAFE_EXEC: "fail-safe asks fdpipe for the VF, and nothing is put before its program",
    Mode.VDEV_NETVSC: "DPDK's own driver looks for the VF, and nothing of ours runs in the pod",
    Mode.NONE: "its pairs get names, and the rest is its own business",
}


@dataclass(frozen=True, slots=True)
class _Pod:
    given: Unchecked
    plan: Plan


@dataclass(frozen=True, slots=True)
class _Asker:
    """One container that is served, of the pod `given`."""

    given: Unchecked
    plan: Plan
    served: ContainerPlan

    @property
    def near(self) -> tuple[str, ...]:
        """Return EAL's arguments that it has already, as far as one can tell."""
        return self.served.placement.near if self.served.placement else ()


def warnings(pod: Unchecked, plan: Plan) -> list[str]:
    """Return the warnings, the pod's own first; each fits the apiserver's 256 characters."""
    own = [text for find in _WARNINGS_OF_PODS for text in find(_Pod(pod, plan))]
    return own + _of_containers(pod, plan, _WARNINGS_OF_CONTAINERS)


def reasons(pod: Unchecked, plan: Plan) -> list[str]:
    """Return why the pod gets what it gets, container by container, the sidecar last."""
    found = _of_containers(pod, plan, _REASONS_OF_CONTAINERS)
    return found + [text for find in _REASONS_OF_PODS for text in find(_Pod(pod, plan))]


def _of_containers(
    pod: Unchecked, plan: Plan, finds: tuple[Callable[[_Asker], Iterator[str]], ...]
) -> list[str]:
    return [
        f"{served.container}: {text}"
        for served in plan.containers
        for find in finds
        for text in find(_Asker(pod, plan, served))
    ]


def _unknown_annotations(pod: _Pod) -> Iterator[str]:
    yield from unknown(entries(entries(pod.given, "metadata"), "annotations"))


def _annotations_without_effect(pod: _Pod) -> Iterator[str]:
    given = entries(entries(pod.given, "metadata"), "annotations")
    for one in ANNOTATIONS:
        if one.failsafe and one.key in given and not pod.plan.announced:
            yield f"annotation {one.key} has no effect in this pod's mode"


def _no_guard(pod: _Pod) -> Iterator[str]:
    if not pod.plan.announced or pod.plan.settings.guarded:
        return
    yield (
        "without the guard a VF's removal ends the application (DPDK from 23.11 on) or stops "
        "its port 0 (up to 23.07), unless DPDK is patched (docs/guard.md)"
    )
    if pod.plan.settings.pod.gate is Gate.IMMEDIATE:
        yield (
            "without guard and gate a VF that is there when a port starts takes its lcore "
            "along at removal (DPDK from 21.11 on), unless DPDK is patched"
        )


def _guard_port(pod: _Pod) -> Iterator[str]:
    if pod.plan.announced and pod.plan.settings.pod.guard_port is GuardPort.ON:
        yield "the guard port is port 0, leave it alone: it helps DPDK up to 23.07 only"


def _driver_after_all(pod: _Pod) -> Iterator[str]:
    if pod.plan.announced and pod.plan.settings.pod.vdev_netvsc is VdevNetvsc.ABSENT:
        yield "if its DPDK has net_vdev_netvsc after all, that takes each NetVSC without an address"


def _pools_differ(pod: _Pod) -> Iterator[str]:
    settings = pod.plan.settings
    polls = {settings.pool(pair).hotplug_poll_ms for pair in pod.plan.announced}
    if len(polls) > 1 and settings.pod.poll_ms is None:
        yield f"its pools differ in hotplugPollMs, which is one for all: {settings.poll_ms} it is"


def _sidecar(pod: _Pod) -> Iterator[str]:
    plan, spec = pod.plan, entries(pod.given, "spec")
    poll_ms = plan.settings.poll_ms
    if not plan.announced:
        return
    numbers = ", ".join(f"{pair.number:02d}={pair.interface}" for pair in plan.announced)
    source = f"the annotation {POLL_MS}" if plan.settings.pod.poll_ms else "the pool"
    yield f"sidecar {NAME} announces {numbers}; hotplug_poll is {poll_ms} ms by {source}"
    given = " and ".join(sidecar_resources(spec) or {}) or "neither requests nor limits"
    cause = "by its own resources (KEP-2837)" if has_pod_level(spec) else "and stays so"
    yield f"the pod is {qos_of(spec)}, {cause}: the sidecar has {given}"


def _pairs(asker: _Asker) -> Iterator[str]:
    for resource in asker.served.container.pairs:
        names = ", ".join(p.interface for p in asker.served.pairs if p.resource == resource)
        pool = asker.plan.settings.pools[resource].name
        yield f"{resource} (pool {pool}) is {names or 'one of the later ones'}"


def _mode(asker: _Asker) -> Iterator[str]:
    mode = asker.served.mode
    yield f"mode {mode}, {asker.served.because}: {_DOES[mode]}"


def _place(asker: _Asker) -> Iterator[str]:
    if asker.served.placement:
        yield f"EAL's arguments go {asker.served.placement.where}"


def _driver_absent(asker: _Asker) -> Iterator[str]:
    absent = asker.plan.settings.pod.vdev_netvsc is VdevNetvsc.ABSENT
    if absent and asker.served.mode in FAILSAFE:
        yield f"its DPDK has no net_vdev_netvsc, as {VDEV_NETVSC} says"


def _preload(asker: _Asker) -> Iterator[str]:
    if asker.served.preload:
        yield "the guard comes by LD_PRELOAD"


def _placeholder(asker: _Asker) -> Iterator[str]:
    container = asker.served.container
    words = (*container.words("command"), *container.words("args"))
    left = asker.served.mode is Mode.NONE and any(refers(word) for word in words)
    if left and variable(container, VARIABLE) is None:
        yield f"{PLACEHOLDER} stays as it is in mode none: remove it, or the mode"


def _driver_unguarded(asker: _Asker) -> Iterator[str]:
    if asker.served.mode is Mode.VDEV_NETVSC:
        yield (
            "DPDK's own vdev_netvsc knows no guard, and its line may be stale: a VF's removal ends "
            "DPDK from 23.11 on, an address change can cut the port off for good"
        )


def _shell(asker: _Asker) -> Iterator[str]:
    if asker.served.mode is Mode.FAILSAFE_EXEC:
        yield f"in mode {Mode.FAILSAFE_EXEC} fail-safe asks by /bin/sh: the image must have it"


def _descriptors(asker: _Asker) -> Iterator[str]:
    command = asker.served.container.words("command")
    closer = next((word for word in command if closes_descriptors(word)), None)
    if asker.served.mode is Mode.FAILSAFE_FD and closer:
        yield (
            f"{closer} may close descriptors for what it starts, and the pipes with them: then use "
            f"{MODE}: {Mode.FAILSAFE_EXEC}"
        )


def _no_fallback(asker: _Asker) -> Iterator[str]:
    mode, plan = asker.served.mode, asker.plan
    if mode is Mode.VDEV_NETVSC and plan.settings.pod.fallback and plan.announced:
        yield f"annotation {FALLBACK} has no effect in mode {mode}"


def _own_choice(asker: _Asker) -> Iterator[str]:
    if chooses_pci(asker.near):
        yield "it chooses PCI devices itself (-a or -b), so nothing is added: keep EAL off the VF"
    if asks_for_driver(asker.near) and asker.served.mode in FAILSAFE:
        yield "it asks for net_vdev_netvsc itself, which may take the pair's NetVSC: say iface="


def _rights(asker: _Asker) -> Iterator[str]:
    """Whatever carries the frames needs a capability, and only uid 0 has those of a container."""
    context = entries(asker.served.container.spec, "securityContext")
    if asker.served.mode is Mode.NONE or context.get("privileged"):
        return
    needed = _needed(asker.served, asker.plan)
    if not _has(entries(context, "capabilities"), needed):
        yield f"no capability {needed}, without which its ports do not come up"
    pods = entries(entries(asker.given, "spec"), "securityContext")
    user = context.get("runAsUser", pods.get("runAsUser"))
    if user or (user is None and context.get("runAsNonRoot", pods.get("runAsNonRoot"))):
        yield f"it does not run as uid 0, and then a container's capability {needed} has no effect"


def _needed(served: ContainerPlan, plan: Plan) -> str:
    driver = served.mode is Mode.VDEV_NETVSC  # which always makes a tap
    taps = (plan.settings.fallback(pair) is Fallback.TAP for pair in served.pairs)
    return "NET_ADMIN" if driver or any(taps) else "NET_RAW"


def _has(capabilities: Unchecked, needed: str) -> bool:
    names = (needed, f"CAP_{needed}", "ALL")
    if any(name in names for name in items(capabilities, "add")):
        return True
    dropped = any(name in names for name in items(capabilities, "drop"))
    return needed == "NET_RAW" and not dropped  # one of the runtimes' defaults


def _hugepages(asker: _Asker) -> Iterator[str]:
    limits = entries(entries(asker.served.container.spec, "resources"), "limits")
    some = _NO_HUGE in asker.near or any(name.startswith("hugepages-") for name in limits)
    if asker.served.mode is not Mode.NONE and not some:
        yield f"no hugepages-2Mi or hugepages-1Gi among its limits; DPDK needs them, or {_NO_HUGE}"


def _one_function(asker: _Asker) -> Iterator[str]:
    if asker.served.mode is not Mode.NONE and len(asker.served.pairs) > 1:
        yield "its pairs must not be ports of one MANA function: fail-safe plugs only one of them"


# The table: what is looked for, in the order in which it is shown.
_WARNINGS_OF_PODS = (
    _unknown_annotations,
    _annotations_without_effect,
    _no_guard,
    _guard_port,
    _driver_after_all,
    _pools_differ,
)
_WARNINGS_OF_CONTAINERS = (
    _placeholder,
    _driver_unguarded,
    _shell,
    _descriptors,
    _no_fallback,
    _own_choice,
    _rights,
    _hugepages,
    _one_function,
)
_REASONS_OF_CONTAINERS = (_pairs, _mode, _place, _driver_absent, _preload)
_REASONS_OF_PODS = (_sidecar,)
