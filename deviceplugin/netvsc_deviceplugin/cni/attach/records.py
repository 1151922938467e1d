"""The record of a pair in a container's checkpoint, made before it moves or from altnames. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from netvsc.errors import RequestError, RetryError
from netvsc.model.mac import pair_id
from netvsc_deviceplugin.cni.attach import plan
from netvsc_deviceplugin.cni.attach.checkpoint import Checkpoint, PairRecord
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink
from netvsc_deviceplugin.cni.attach.plan import HostNames, PairLocation
from netvsc_deviceplugin.kernel.netns import netns_name

_UP = 0x1


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A pair by its id, and the name that its NetVSC shall have in the pod."""

    id: str
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One attachment: a container of a pod, its netns, the network's name and the CNI_IFNAME."""

    container: str
    netns: str
    attachment: str
    network: str = ""
    namespace: str = ""
    pod: str = ""
    uid: str = ""


def host_names(record: PairRecord) -> HostNames:
    return HostNames(netvsc=record.home, vf=record.vf_home)


def renewed(record: PairRecord, left: Mapping[str, str]) -> PairRecord:
    """Return it with the name on the host of the VF that came last; `left` has those, by MAC."""
    return replace(record, vf_home=left.get(record.mac, record.vf_home))


def check_name(
    want: Want, target: Target, location: PairLocation, interfaces: Iterable[NetnsLink]
) -> None:
    if not location.netvsc:
        raise RetryError(f"pair {want.id} is not on this node now; is its NIC attached?")
    for one in interfaces:
        taken = one.link.netns == netns_name(target.netns) and want.interface in one.names
        if taken and one.link.mac != location.netvsc.link.mac:
            raise RequestError(
                f"interface name {want.interface} is taken in {target.netns}: choose another in "
                "the annotation netvsc.io/interfaces or the pool's interfacePrefix"
            )


def record_of(
    want: Want, target: Target, location: PairLocation, before: Checkpoint | None
) -> PairRecord:
    """Describe a pair about to move; one that is inside already keeps its names on the host."""
    known = before.pair(want.id) if before else None
    if known:
        return replace(
            known,
            interface=want.interface,
            attachment=target.attachment,
            network=target.network,
        )
    netvsc, vf = location.netvsc, location.vf
    if not netvsc:
        raise AssertionError(want)
    return PairRecord(
        id=want.id,
        interface=want.interface,
        attachment=target.attachment,
        network=target.network,
        home=plan.host_name(netvsc) or netvsc.link.name,
        vf_home=(plan.host_name(vf) or vf.link.name) if vf else None,
        up=bool(netvsc.link.flags & _UP),
        mtu=netvsc.link.mtu,
    )


def split(
    checkpoint: Checkpoint | None, attachment: str | None
) -> tuple[list[PairRecord], list[PairRecord]]:
    pairs = checkpoint.pairs if checkpoint else ()
    mine = [record for record in pairs if attachment in {None, record.attachment}]
    return mine, [record for record in pairs if record not in mine]


def unrecorded(interfaces: Iterable[NetnsLink], known: Iterable[PairRecord]) -> list[PairRecord]:
    """Return what has a host name in an altname and no record in any checkpoint, as it says.

    In a pod an altname is not enough: who may administer his network can make a netdev of any name,
    and it would be brought to the host. A device behind it he cannot make.
    """
    macs = {record.mac for record in known}
    return [
        PairRecord(
            id=pair_id(one.link.mac),
            interface=one.link.name,
            attachment="",
            network="",
            home=home,
            vf_home=None,
            up=True,
        )
        for one in interfaces
        if (home := plan.host_name(one)) and one.link.mac not in macs
        if one.link.parent_bus != "pci" and (one.link.netns is None or one.link.parent_bus)
    ]
