"""The conditions of a NetvscNode, as Kubernetes writes them (KEP-1623). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netvsc.encoding.timestamps import to_text
from netvsc.model.status import Condition, PoolStatus, Truth
from netvsc_deviceplugin.cni.chain.status import ChainReason, ChainStatus

_MESSAGE_MAX = 4096  # characters; longer ones help nobody


@dataclass(frozen=True, slots=True)
class ConditionInputs:
    """A condition without its time."""

    type: str
    status: Truth
    reason: str
    message: str = ""


def dated(
    states: Iterable[ConditionInputs], before: Iterable[Condition], now: float
) -> tuple[Condition, ...]:
    """Return the conditions in order; a time changes with the status alone."""
    known = {one.type: one for one in before}
    return tuple(
        Condition(
            type=state.type,
            status=state.status,
            reason=state.reason,
            message=state.message[:_MESSAGE_MAX],
            last_transition_time=_since(state, known.get(state.type), now),
        )
        for state in sorted(states, key=lambda one: one.type)
    )


def ready(registered: Mapping[str, bool], *, pools: int) -> ConditionInputs:
    """Tell whether the kubelet knows every resource."""
    if not pools:
        return ConditionInputs("Ready", Truth.TRUE, "NoPools", "no NetvscPool selects this node")
    missing = sorted(resource for resource, known in registered.items() if not known)
    if missing:
        why = f"the kubelet does not know {', '.join(missing)} yet"
        return ConditionInputs("Ready", Truth.FALSE, "NotRegistered", why)
    if not registered:
        return ConditionInputs("Ready", Truth.FALSE, "NotServing", "no pool is served yet")
    return ConditionInputs("Ready", Truth.TRUE, "Registered", "the kubelet knows every resource")


def pools_accepted(refusal: str | None) -> ConditionInputs:
    if refusal:
        why = f"{refusal}; the last good spec stays in force"
        return ConditionInputs("PoolsAccepted", Truth.FALSE, "Refused", why)
    return ConditionInputs("PoolsAccepted", Truth.TRUE, "Accepted")


def pod_resources(trouble: str | None) -> ConditionInputs:
    """Tell whether the kubelet says who holds what."""
    if trouble:
        return ConditionInputs("PodResources", Truth.FALSE, "KubeletUnavailable", trouble)
    return ConditionInputs("PodResources", Truth.TRUE, "KubeletAvailable")


def chain_installed(place: ChainStatus) -> ConditionInputs:
    """Tell whether pods get their pairs by CNI."""
    truth = Truth.TRUE if place.serves else Truth.FALSE
    if place.reason is ChainReason.UNKNOWN:
        truth = Truth.UNKNOWN
    return ConditionInputs("ChainInstalled", truth, place.reason.value, place.message)


def uninstalled(place: ChainStatus | None) -> ConditionInputs:
    """Answer a spec that asks to leave the node; without CNI nothing was installed."""
    if place is None:
        return ConditionInputs("Uninstalled", Truth.TRUE, "NothingInstalled")
    truth = Truth.TRUE if place.reason is ChainReason.REMOVED else Truth.FALSE
    return ConditionInputs("Uninstalled", truth, place.reason.value, place.message)


def unmatched(pools: Sequence[PoolStatus]) -> ConditionInputs:
    """Tell whether pools name NICs that the node has not."""
    missing = [f"{pool.name}: {', '.join(pool.unmatched)}" for pool in pools if pool.unmatched]
    if not missing:
        return ConditionInputs("Unmatched", Truth.FALSE, "AllFound")
    why = f"no NIC of this node is named so: {'; '.join(missing)}; correct the pool's selector"
    return ConditionInputs("Unmatched", Truth.TRUE, "NotFound", why)


def _since(state: ConditionInputs, before: Condition | None, now: float) -> str:
    if before and before.status is state.status:
        return before.last_transition_time
    return to_text(now)
