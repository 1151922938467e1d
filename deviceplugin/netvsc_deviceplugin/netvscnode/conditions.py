"""The conditions of a NetvscNode, as Kubernetes writes them (KEP-1623). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from netvsc.encoding.timestamps import to_text
from netvsc.model.status import Condition, PoolStatus, Truth
from netvsc_deviceplugin.cni.chain.status import ChainReason, ChainStatus

_MESSAGE_MAX = 4096  # characters; longer ones help nobody


@dataclass(frozen=True, slots=True)
class ConditionState:
    """A condition without its time."""

    type: str
    status: Truth
    reason: str
    message: str = ""


def dated(
    states: Iterable[ConditionState], before: Iterable[Condition], now: float
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


def ready(registered: Mapping[str, bool], *, pools: int) -> ConditionState:
    """Tell whether the kubelet knows every resource."""
    if not pools:
        return ConditionState("Ready", Truth.TRUE, "NoPools", "no NetvscPool selects this node")
    missing = sorted(resource for resource, known in registered.items() if not known)
    if missing:
        why = f"the kubelet does not know {', '.join(missing)} yet"
        return ConditionState("Ready", Truth.FALSE, "NotRegistered", why)
    if not registered:
        return ConditionState("Ready", Truth.FALSE, "NotServing", "no pool is served yet")
    return ConditionState("Ready", Truth.TRUE, "Registered", "the kubelet knows every resource")


def pools_accepted(refusal: str | None) -> ConditionState:
    if refusal:
        why = f"{refusal}; the last good spec stays in force"
        return ConditionState("PoolsAccepted", Truth.FALSE, "Refused", why)
    return ConditionState("PoolsAccepted", Truth.TRUE, "Accepted")


def pod_resources(trouble: str | None) -> ConditionState:
    """Tell whether the kubelet says who holds what."""
    if trouble:
        return ConditionState("PodResources", Truth.FALSE, "KubeletUnavailable", trouble)
    return ConditionState("PodResources", Truth.TRUE, "KubeletAvailable")


def chain_installed(chain_status: ChainStatus) -> ConditionState:
    """Tell whether pods get their pairs by CNI."""
    truth = Truth.TRUE if chain_status.serves else Truth.FALSE
    if chain_status.reason is ChainReason.UNKNOWN:
        truth = Truth.UNKNOWN
    return ConditionState("ChainInstalled", truth, chain_status.reason.value, chain_status.message)


def uninstalled(chain_status: ChainStatus | None) -> ConditionState:
    """Answer a spec that asks to leave the node; without CNI nothing was installed."""
    if chain_status is None:
        return ConditionState("Uninstalled", Truth.TRUE, "NothingInstalled")
    truth = Truth.TRUE if chain_status.reason is ChainReason.REMOVED else Truth.FALSE
    return ConditionState("Uninstalled", truth, chain_status.reason.value, chain_status.message)


def unmatched(pools: Sequence[PoolStatus]) -> ConditionState:
    """Tell whether pools name NICs that the node has not."""
    missing = [f"{pool.name}: {', '.join(pool.unmatched)}" for pool in pools if pool.unmatched]
    if not missing:
        return ConditionState("Unmatched", Truth.FALSE, "AllFound")
    why = f"no NIC of this node is named so: {'; '.join(missing)}; correct the pool's selector"
    return ConditionState("Unmatched", Truth.TRUE, "NotFound", why)


def _since(state: ConditionState, before: Condition | None, now: float) -> str:
    if before and before.status is state.status:
        return before.last_transition_time
    return to_text(now)
