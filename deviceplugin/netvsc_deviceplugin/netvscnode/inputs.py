"""What a NetvscNode's status needs of the rest of the agent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from netvsc.errors import RetryError
from netvsc.model.pair import Inventory
from netvsc.model.pool import Pool
from netvsc.model.status import Announcement
from netvsc_deviceplugin.cni.attach.checkpoint import Checkpoint, Inside
from netvsc_deviceplugin.cni.chain.status import ChainStatus
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.kubelet.podresources import Allocations
from netvsc_deviceplugin.kubelet.verbs_checkpoint import Verbs
from netvsc_deviceplugin.netvscnode import conditions
from netvsc_deviceplugin.netvscnode.spec import AcceptedSpec


async def _nobody(pair: str) -> None:
    raise RetryError(f"pair {pair} has no sidecar: CNI is off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the rest of the agent knows, and does. `chain_status` is None where CNI is off.

    `chain_wanted` is false where it is off and what another mode left is being taken out.
    `scanned` is set when there is an inventory, `pools` are those that it was made by.
    """

    scanned: asyncio.Event
    inventory: Latest[Inventory]
    pools: Latest[tuple[Pool, ...]]
    allocations: Latest[Allocations]
    registered: Latest[Mapping[str, bool]]
    podresources: Latest[str | None]
    allocated_verbs: Callable[[], Verbs]
    chain_status: Latest[ChainStatus] | None = None
    chain_wanted: bool = True
    inside: Latest[Inside] | None = None
    checkpoints: Callable[[], tuple[Checkpoint, ...]] = tuple
    announcements: Latest[Mapping[str, Announcement]] = field(default_factory=lambda: Latest({}))
    announce: Callable[[str], Awaitable[None]] = _nobody


def states(inputs: Inputs, wanted: AcceptedSpec) -> tuple[conditions.ConditionState, ...]:
    """Return the conditions that do not follow from the pairs."""
    found = [
        conditions.ready(inputs.registered.get(), pools=len(wanted.pools)),
        conditions.pools_accepted(wanted.refusal),
        conditions.pod_resources(inputs.podresources.get()),
    ]
    chain_status = inputs.chain_status.get() if inputs.chain_status else None
    if chain_status and inputs.chain_wanted:
        found.append(conditions.chain_installed(chain_status))
    if wanted.uninstall:
        found.append(conditions.uninstalled(chain_status))
    return tuple(found)
