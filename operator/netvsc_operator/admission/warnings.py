"""What an admitted pod's owner should know all the same; kubectl prints it."""

from __future__ import annotations

from collections.abc import Iterator

from netvsc.model.pool import Fallback, Mode
from netvsc_operator.admission import annotations as said
from netvsc_operator.admission.annotations import Gate, Guard, GuardPort, VdevNetvsc, Wishes
from netvsc_operator.admission.conflicts import variable
from netvsc_operator.admission.eal.arguments import asks_for_driver, chooses_pci
from netvsc_operator.admission.eal.placement import (
    PLACEHOLDER,
    VARIABLE,
    closes_descriptors,
    refers,
)
from netvsc_operator.admission.eal.terms import FAILSAFE
from netvsc_operator.admission.plan import Plan, Served
from netvsc_operator.admission.pod.containers import Object, entries, items

_NO_HUGE = "--no-huge"
_OF_FAILSAFE = (  # annotations that say something to our sidecar's modes alone
    said.FALLBACK,
    said.POLL_MS,
    said.GATE,
    said.GUARD,
    said.GUARD_PORT,
    said.VDEV_NETVSC,
)


def cautions(pod: Object, plan: Plan) -> list[str]:
    """Return the warnings, the pod's own first; each fits the apiserver's 256 characters."""
    given = entries(entries(pod, "metadata"), "annotations")
    found = [*said.unknown(given), *_of_wishes(given, plan)]
    for served in plan.served:
        found += [f"{served.container}: {text}" for text in _of_container(pod, served, plan)]
    return found


def _of_wishes(given: Object, plan: Plan) -> Iterator[str]:
    wishes = plan.terms.wishes
    if not plan.announced():
        for key in _OF_FAILSAFE:
            if key in given:
                yield f"annotation {key} has no effect in this pod's mode"
        return
    yield from _of_protection(wishes)
    if wishes.vdev_netvsc is VdevNetvsc.ABSENT:
        yield "if its DPDK has net_vdev_netvsc after all, that takes each NetVSC without an address"
    polls = {plan.terms.pool(pair).hotplug_poll_ms for pair in plan.announced()}
    if len(polls) > 1 and wishes.poll_ms is None:
        yield f"its pools differ in hotplugPollMs, which is one for all: {plan.terms.poll_ms} it is"


def _of_protection(wishes: Wishes) -> Iterator[str]:
    if wishes.guard is Guard.OFF:
        yield (
            "without the guard a VF's removal ends the application (DPDK from 23.11 on) or stops "
            "its port 0 (up to 23.07), unless DPDK is patched (docs/guard.md)"
        )
        if wishes.gate is Gate.IMMEDIATE:
            yield (
                "without guard and gate a VF that is there when a port starts takes its lcore "
                "along at removal (DPDK from 21.11 on), unless DPDK is patched"
            )
    if wishes.guard_port is GuardPort.ON:
        yield "the guard port is port 0, leave it alone: it helps DPDK up to 23.07 only"


def _of_container(pod: Object, served: Served, plan: Plan) -> Iterator[str]:
    if served.mode is Mode.NONE:
        yield from _of_nothing(served)
        return
    if served.mode is Mode.VDEV_NETVSC:
        yield (
            "DPDK's own vdev_netvsc knows no guard, and its line may be stale: a VF's removal ends "
            "DPDK from 23.11 on, an address change can cut the port off for good"
        )
    yield from _of_mode(served, plan)
    yield from _of_arguments(served)
    yield from _of_rights(pod, served, plan)
    if not _has_hugepages(served):
        yield f"no hugepages-2Mi or hugepages-1Gi among its limits; DPDK needs them, or {_NO_HUGE}"
    if len(served.pairs) > 1:
        yield "its pairs must not be ports of one MANA function: fail-safe plugs only one of them"


def _of_nothing(served: Served) -> Iterator[str]:
    container = served.container
    words = (*container.words("command"), *container.words("args"))
    if any(refers(word) for word in words) and variable(container, VARIABLE) is None:
        yield f"{PLACEHOLDER} stays as it is in mode none: remove it, or the mode"


def _of_mode(served: Served, plan: Plan) -> Iterator[str]:
    command = served.container.words("command")
    if served.mode is Mode.FAILSAFE_EXEC:
        yield f"in mode {Mode.FAILSAFE_EXEC} fail-safe asks by /bin/sh: the image must have it"
    closer = next((word for word in command if closes_descriptors(word)), None)
    if served.mode is Mode.FAILSAFE_FD and closer:
        yield (
            f"{closer} may close descriptors for what it starts, and the pipes with them: then use "
            f"{said.MODE}: {Mode.FAILSAFE_EXEC}"
        )
    if served.mode not in FAILSAFE and plan.terms.wishes.fallback and plan.announced():
        yield f"annotation {said.FALLBACK} has no effect in mode {served.mode}"


def _of_arguments(served: Served) -> Iterator[str]:
    near = served.place.near if served.place else ()
    if chooses_pci(near):
        yield "it chooses PCI devices itself (-a or -b), so nothing is added: keep EAL off the VF"
    if asks_for_driver(near) and served.mode in FAILSAFE:
        yield "it asks for net_vdev_netvsc itself, which may take the pair's NetVSC: say iface="


def _of_rights(pod: Object, served: Served, plan: Plan) -> Iterator[str]:
    """Whatever carries the frames needs a capability, and only uid 0 has those of a container."""
    context = entries(served.container.given, "securityContext")
    if context.get("privileged"):
        return
    needed = _needed(served, plan)
    if not _has(entries(context, "capabilities"), needed):
        yield f"no capability {needed}, without which its ports do not come up"
    pods = entries(entries(pod, "spec"), "securityContext")
    user = context.get("runAsUser", pods.get("runAsUser"))
    if user or (user is None and context.get("runAsNonRoot", pods.get("runAsNonRoot"))):
        yield f"it does not run as uid 0, and then a container's capability {needed} has no effect"


def _needed(served: Served, plan: Plan) -> str:
    driver = served.mode is Mode.VDEV_NETVSC  # which always makes a tap
    taps = (plan.terms.fallback(pair) is Fallback.TAP for pair in served.pairs)
    return "NET_ADMIN" if driver or any(taps) else "NET_RAW"


def _has(capabilities: Object, needed: str) -> bool:
    names = (needed, f"CAP_{needed}", "ALL")
    if any(name in names for name in items(capabilities, "add")):
        return True
    dropped = any(name in names for name in items(capabilities, "drop"))
    return needed == "NET_RAW" and not dropped  # one of the runtimes' defaults


def _has_hugepages(served: Served) -> bool:
    near = served.place.near if served.place else ()
    limits = entries(entries(served.container.given, "resources"), "limits")
    return _NO_HUGE in near or any(name.startswith("hugepages-") for name in limits)
