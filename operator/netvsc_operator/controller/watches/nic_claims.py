"""Who else claims a node's NICs: DRANET by slices and claims, Azure CNI by its own resources. Pure.

A NIC is *listed* where its driver could give it away and *allocated* once it did. DRANET names a
NIC by attributes of its own (`dra.net/ifName`, `dra.net/mac`), and takes them off while the NIC is
in a pod: their former values are kept. Azure CNI names it by its MAC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netvsc.errors import RequestError
from netvsc.model.mac import pair_id, parse_mac
from netvsc.model.status import Foreign, ForeignState
from netvsc_operator.objects import Object

DRANET = "dra.net"
AZURE = "acn.azure.com"
_FOREIGN_MAX = 64  # the CRD's maxItems; an Azure VM has 8 NICs
_INTERFACE_MAX = 15


@dataclass(frozen=True, slots=True)
class NicName:
    """A NIC of a node as somebody else names it: by its netdev, or by its MAC (as a pair's id)."""

    interface: str | None = None
    mac: str | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """A ResourceSlice of DRANET: `pool` is how it calls a node's devices."""

    node: str
    pool: str
    nics: Mapping[str, NicName]


@dataclass(frozen=True, slots=True)
class Allocations:
    """What one claim, or one pod's network configuration, has: (node or pool, device or NIC)."""

    devices: tuple[tuple[str, str], ...] = ()
    nics: tuple[tuple[str, NicName], ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """What Azure CNI may give away on one node."""

    node: str
    nics: tuple[NicName, ...]


def slice_of(thing: Object, before: Slice | None) -> Slice | None:
    """Read a ResourceSlice (v1 and both betas); None if it is not a node's of DRANET."""
    spec = thing.get("spec") or {}
    if spec.get("driver") != DRANET or not spec.get("nodeName"):
        return None
    known = before.nics if before else {}
    nics = {
        str(device["name"]): _device(device, known.get(str(device["name"])))
        for device in spec.get("devices") or []
        if isinstance(device, dict) and "name" in device
    }
    pool = (spec.get("pool") or {}).get("name") or spec["nodeName"]
    return Slice(str(spec["nodeName"]), str(pool), nics)


def _device(device: Object, before: NicName | None) -> NicName:
    attributes = (device.get("basic") or device).get("attributes") or {}
    said = {key: (value or {}).get("string") for key, value in attributes.items()}
    name = said.get(f"{DRANET}/ifName") or said.get("ifName")
    mac = _mac(said.get(f"{DRANET}/mac") or said.get("mac"))
    if name or mac:
        return NicName(name, mac)
    return before or NicName(str(device["name"]))  # older DRANETs call a device as its netdev


def claim_of(thing: Object) -> Allocations:
    """Read a ResourceClaim."""
    allocation = (thing.get("status") or {}).get("allocation") or {}
    results = (allocation.get("devices") or {}).get("results") or []
    ours = (one for one in results if one.get("driver") == DRANET)
    return Allocations(
        devices=tuple((str(one.get("pool")), str(one.get("device"))) for one in ours)
    )


def multitenant_of(thing: Object) -> Allocations:
    """Read a MultitenantPodNetworkConfig: the NICs that Azure CNI moved, or will, into one pod."""
    status = thing.get("status") or {}
    node = status.get("nodeName")
    macs = [one.get("macAddress") for one in status.get("interfaceInfos") or []]
    found = [mac for mac in map(_mac, macs) if mac]
    return (
        Allocations(nics=tuple((str(node), NicName(mac=mac)) for mac in found))
        if node
        else Allocations()
    )


def nodeinfo_of(thing: Object) -> Offer:
    """Read a NodeInfo: the NICs of a node that Azure CNI manages."""
    devices = (thing.get("status") or {}).get("deviceInfos") or []
    macs = (_mac(one.get("macAddress")) for one in devices)
    return Offer(thing["metadata"]["name"], tuple(NicName(mac=mac) for mac in macs if mac))


def _mac(text: object) -> str | None:
    try:
        return pair_id(parse_mac(text)) if isinstance(text, str) else None
    except RequestError:
        return None


@dataclass(frozen=True, slots=True)
class NicClaim:
    """One NIC, who claims it, and how far."""

    nic: NicName
    owner: str
    state: ForeignState


def by_node(
    *,
    slices: Iterable[Slice],
    claims: Iterable[Allocations],
    offers: Iterable[Offer],
    configs: Iterable[Allocations],
) -> Mapping[str, list[NicClaim]]:
    """Return who claims what, by Node."""
    found: dict[str, list[NicClaim]] = {}
    taken = {device for claim in claims for device in claim.devices}
    for one in slices:
        for device, nic in one.nics.items():
            state = ForeignState.ALLOCATED if (one.pool, device) in taken else ForeignState.LISTED
            found.setdefault(one.node, []).append(NicClaim(nic, DRANET, state))
    for offer in offers:
        listed = [NicClaim(nic, AZURE, ForeignState.LISTED) for nic in offer.nics]
        found.setdefault(offer.node, []).extend(listed)
    for node, nic in (moved for one in configs for moved in one.nics):
        found.setdefault(node, []).append(NicClaim(nic, AZURE, ForeignState.ALLOCATED))
    return found


def foreign(claims: Iterable[NicClaim], interfaces: Mapping[str, str]) -> tuple[Foreign, ...]:
    """Return spec.foreign of a node; `interfaces` maps pair ids to netdevs, as its agent says.

    One entry for each NIC and owner: allocated outweighs listed, and comes first. A NIC known by a
    MAC that the agent has not reported is left out until it has.
    """
    found: dict[tuple[str, str], ForeignState] = {}
    for one in claims:
        name = interfaces.get(one.nic.mac or "") or one.nic.interface
        if not name or len(name) > _INTERFACE_MAX:
            continue
        if found.get((name, one.owner)) is not ForeignState.ALLOCATED:
            found[name, one.owner] = one.state
    entries = [
        Foreign(interface=name, owner=owner, state=state) for (name, owner), state in found.items()
    ]
    entries.sort(key=lambda one: (one.state.value, one.owner, one.interface))
    return tuple(entries[:_FOREIGN_MAX])
