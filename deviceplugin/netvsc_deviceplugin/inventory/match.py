"""Which pairs are offered, and which are excluded, e.g. for a default route, and why. Pure.

The order of rules: the node's uplink never, nor what another driver gave away; then the first pool,
by priority and name, that takes the NIC; what no pool takes is excluded with the reason of the
first that selected it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netvsc.model.pair import (
    Clash,
    Conflict,
    Exclusion,
    Inventory,
    Pair,
    Path,
    Reason,
    Uplink,
    VfSeen,
)
from netvsc.model.pool import BUILT_IN, ForeignOwner, Pool
from netvsc.model.status import Foreign, ForeignState
from netvsc_deviceplugin.inventory.pairing import Nic, VfMemory, pair_up
from netvsc_deviceplugin.inventory.scan import NetworkState
from netvsc_deviceplugin.kernel.addresses import NicAddresses, merge
from netvsc_deviceplugin.kernel.links import Link, above
from netvsc_deviceplugin.kernel.routes import DefaultRoute
from netvsc_deviceplugin.kernel.sysfs import Devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is wanted: pools in order; for each pair in use, the resource it was allocated as.

    `foreign` are NICs that another driver claims.
    """

    pools: tuple[Pool, ...] = (BUILT_IN,)
    allocated: Mapping[str, str] = field(default_factory=dict)
    foreign: tuple[Foreign, ...] = ()


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: Reason
    message: str


def inventory_of(
    links: Sequence[Link],
    devices: Devices,
    routes: Sequence[DefaultRoute] | None,
    policy: Policy,
) -> Inventory:
    """Return the inventory of a node that nobody has looked at before."""
    nics, conflicts = pair_up(links, devices, policy.pools)
    return decide(nics, conflicts, NetworkState(links=links, routes=routes), policy, memory={})


def decide(
    nics: Sequence[Nic],
    conflicts: Sequence[Conflict],
    network: NetworkState,
    policy: Policy,
    *,
    memory: Mapping[str, VfMemory],
) -> Inventory:
    """Sort every NIC into a pool or out; an allocated pair stays in its pool, whatever happens."""
    uplinks = {nic.id: _uplink(nic, network) for nic in nics}
    first = {nic.id: _decision(nic, uplinks[nic.id], policy, memory, shared=False) for nic in nics}
    tainted = _tainted(nics, first, network, memory)
    pairs, excluded, clashes = [], [], list(conflicts)
    for nic in nics:
        function = _function(nic, memory)
        decision = _decision(nic, uplinks[nic.id], policy, memory, shared=function in tainted)
        resource = policy.allocated.get(nic.id)
        if resource and not (isinstance(decision, Pool) and decision.resource == resource):
            if isinstance(decision, _Refusal):
                clashes.append(_kept(nic, decision))
            decision = _pool_of(resource, policy)
        if isinstance(decision, Pool):
            pairs.append(_pair(nic, decision, network, uplinks[nic.id], memory))
        else:
            excluded.append(_exclusion(nic, decision))
    return Inventory(pairs=tuple(pairs), excluded=tuple(excluded), conflicts=tuple(clashes))


def _decision(
    nic: Nic,
    uplink: str | None,
    policy: Policy,
    memory: Mapping[str, VfMemory],
    *,
    shared: bool,
) -> Pool | _Refusal:
    if uplink:
        return _Refusal(Reason.DEFAULT_ROUTE, uplink)
    claim = claim_on(nic.netvsc, policy.foreign)
    if claim and claim.state is ForeignState.ALLOCATED:
        return _Refusal(Reason.FOREIGN_ALLOCATED, _allocated(claim))
    refusals = []
    for pool in policy.pools:
        if _selects(pool, nic, memory):
            refusal = _refuses(pool, nic, memory, claim, shared=shared)
            if not refusal:
                return pool
            refusals.append(refusal)
    nobody = _Refusal(Reason.NOT_SELECTED, "no pool's selector takes it")
    return refusals[0] if refusals else nobody


def _selects(pool: Pool, nic: Nic, memory: Mapping[str, VfMemory]) -> bool:
    """Tell whether each given key of the selector matches; a VF that left counts as it was."""
    wanted, netvsc, past = pool.selector, nic.netvsc, memory.get(nic.id)
    if nic.forced and not pool.force:
        return False
    driver = nic.vf.driver if nic.vf and nic.vf.driver else past and past.driver
    return (
        (not wanted.macs or netvsc.mac in wanted.macs)
        and (not wanted.interfaces or wanted.takes_interface(netvsc.name))
        and (not wanted.drivers or driver in wanted.drivers)
        and (not wanted.numa_nodes or _numa(nic, past) in wanted.numa_nodes)
        and (not wanted.subnets or _in_subnets(_own(netvsc).addresses, wanted.subnets))
    )


def _refuses(
    pool: Pool,
    nic: Nic,
    memory: Mapping[str, VfMemory],
    claim: Foreign | None,
    *,
    shared: bool,
) -> _Refusal | None:
    if claim and pool.foreign_owner is not ForeignOwner.IGNORE:
        return _Refusal(Reason.FOREIGN_LISTED, _listed(claim, pool.name))
    if pool.skip_addressed and nic.netvsc.addresses:
        addresses = ", ".join(nic.netvsc.addresses)
        return _Refusal(
            Reason.ADDRESSED, f"has {addresses}, and pool {pool.name} says skipAddressed"
        )
    if pool.require_vf and not nic.vf and nic.id not in memory:
        return _Refusal(
            Reason.REQUIRE_VF,
            f"never had a VF, and pool {pool.name} says requireVf: "
            "turn accelerated networking on for this NIC",
        )
    if shared and not pool.allow_shared_function:
        return _Refusal(
            Reason.SHARED_FUNCTION,
            f"its PCI function {_function(nic, memory)} serves a NIC that is not given away, and "
            f"so would its verbs device: set allowSharedFunction in pool {pool.name} to accept it",
        )
    return None


def _uplink(nic: Nic, network: NetworkState) -> str | None:
    """Say by which default route this NIC, or what is stacked on it, is the node's uplink."""
    if nic.netvsc.netns is not None:
        return None
    own = [link for link in network.links if link.netns is None]
    start = [nic.netvsc.ifindex] + ([nic.vf.ifindex] if nic.vf else [])
    stack = above(own, start)
    names = {link.ifindex: link.name for link in own}
    for route in network.routes or ():
        if route.ifindex in stack:
            return (
                f"the node's IPv{route.family} default route (table {route.table}) "
                f"goes over {names[route.ifindex]}"
            )
    return None


def _tainted(
    nics: Sequence[Nic],
    first: Mapping[str, Pool | _Refusal],
    network: NetworkState,
    memory: Mapping[str, VfMemory],
) -> set[str]:
    """Return the PCI functions that also serve a NIC which is not given away."""
    functions = {_function(nic, memory) for nic in nics if isinstance(first[nic.id], _Refusal)}
    routed = {route.ifindex for route in network.routes or ()}
    bare = {
        link.parent
        for link in network.links
        if link.netns is None and link.parent_bus == "pci" and link.ifindex in routed
    }
    return {function for function in functions | bare if function}


def _function(nic: Nic, memory: Mapping[str, VfMemory]) -> str | None:
    past = memory.get(nic.id)
    if nic.vf:
        return nic.vf.pci
    return past.pci if past else None


def _numa(nic: Nic, past: VfMemory | None) -> int | None:
    """Go by memory where the VF does not tell: its device may go while a scan looks."""
    node = nic.numa_node if nic.vf else None
    return past.numa_node if past and node is None else nic.numa_node


def _own(netvsc: Link) -> NicAddresses:
    kernel = NicAddresses(addresses=netvsc.addresses, gateways=netvsc.gateways)
    return merge(kernel, netvsc.azure)


def _in_subnets(addresses: Sequence[str], subnets: Sequence[str]) -> bool:
    networks = [ipaddress.ip_network(subnet) for subnet in subnets]
    return any(
        ipaddress.ip_interface(address).ip in network
        for address in addresses
        for network in networks
    )


def _pool_of(resource: str, policy: Policy) -> Pool:
    """Return the pool of an allocated pair, or one like it if the configuration dropped it."""
    for pool in policy.pools:
        if pool.resource == resource:
            return pool
    return Pool(name=resource.partition("/")[2], resource=resource)


def _exclusion(nic: Nic, refusal: _Refusal) -> Exclusion:
    return Exclusion(
        id=nic.id,
        interface=nic.netvsc.name,
        reason=refusal.reason,
        message=refusal.message,
    )


def _kept(nic: Nic, refusal: _Refusal) -> Conflict:
    return Conflict(
        interface=nic.netvsc.name,
        reason=Clash.ALLOCATED_BUT_EXCLUDED,
        message=f"{refusal.reason}: {refusal.message}; a container has it, so it stays",
    )


def _pair(
    nic: Nic, pool: Pool, network: NetworkState, uplink: str | None, memory: Mapping[str, VfMemory]
) -> Pair:
    netvsc, vf, past = nic.netvsc, nic.vf, memory.get(nic.id)
    uplink_known = Uplink.YES if uplink else Uplink.NO
    own = _own(netvsc)
    vf_seen = VfSeen.PRESENT if vf else VfSeen.LOST if past else VfSeen.NEVER
    return Pair(
        id=nic.id,
        mac=netvsc.mac,
        netvsc=netvsc.name,
        ifindex=netvsc.ifindex,
        netns=netvsc.netns,
        vmbus=netvsc.parent if netvsc.parent_bus == "vmbus" else None,
        mtu=netvsc.mtu,
        addresses=own.addresses,
        gateways=own.gateways,
        pool=pool.name,
        numa_node=_numa(nic, past),
        path=Path.VF if vf and vf.joined else Path.SYNTHETIC,
        uplink=Uplink.UNKNOWN if network.routes is None else uplink_known,
        vf_seen=vf_seen,
        vf=vf,
    )


def claim_on(link: Link, foreign: Iterable[Foreign]) -> Foreign | None:
    """Return the strongest claim on an interface of the host; names in a pod are the pod's own."""
    claims = [one for one in foreign if link.netns is None and one.interface == link.name]
    return max(claims, key=lambda one: one.state is ForeignState.ALLOCATED, default=None)


def _allocated(claim: Foreign) -> str:
    return f"{claim.owner} has given it to a pod"


def _listed(claim: Foreign, pool: str) -> str:
    return (
        f"{claim.owner} lists it too, and would give it away a second time: take the NIC out of "
        f"there, or set foreignOwner: ignore in pool {pool}"
    )
