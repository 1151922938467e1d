"""What to move, rename and undo, given where things are and what their altnames say. Pure.

A plan is what can be done now, up to the next move: after a move the node is looked at again, for
the kernel may have brought the VF itself, and an ifindex may have changed. When nothing is left to
do, the plan is empty. So a plan is right after a crash at any step, and doing it twice is harmless.

What a device is called in the host's netns stands in an altname on it, `nvhome-<name on the host>`:
that needs no file. A pod that may administer its network can write such altnames too, and MAC
addresses: what the kernel vouches for (the device behind a netdev) and what the record says come
first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from netvsc.model.names import is_interface
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink
from netvsc_deviceplugin.kernel.links import ETHERNET

HOST_NAME_PREFIX = "nvhome-"
SPARE_NETVSC, SPARE_VF = "nvhome", "nvvf"  # with a number, where the name wanted is taken
_UP = 0x1


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Where a pair shall be: `netns` None is the host's, `name` the NetVSC's name there.

    `up`: bring it up; a NIC that was down on the host goes back to that.
    """

    netns: str | None
    name: str
    up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLocation:
    """Where a pair is. `vf` is None while it has none, or while two could be its own."""

    netvsc: NetnsLink | None
    vf: NetnsLink | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostNames:
    """Names on the host as a record has them, for kernels that lose altnames on a move."""

    netvsc: str | None = None
    vf: str | None = None


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One request to the kernel about one interface, in the netns where it is now."""

    part: NetnsLink


@dataclass(frozen=True, slots=True)
class Move(PlanStep):
    to: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Rename(PlanStep):
    name: str


@dataclass(frozen=True, slots=True)
class AddAltname(PlanStep):
    altname: str


@dataclass(frozen=True, slots=True)
class RemoveAltname(PlanStep):
    altname: str


@dataclass(frozen=True, slots=True)
class Up(PlanStep):
    pass


@dataclass(frozen=True, slots=True)
class Clean(PlanStep):
    """Take off what a pod left behind: an application that was killed, or one that meant to."""


@dataclass(frozen=True, slots=True)
class Mtu(PlanStep):
    mtu: int


@dataclass(frozen=True, slots=True)
class Await(PlanStep):
    """Give the kernel time to bring this VF; then look again."""


_UNKNOWN = HostNames()


def locate_pair(
    mac: str, interfaces: Iterable[NetnsLink], *, forced: int | None = None
) -> PairLocation:
    """Return where the parts of the pair with this MAC are; of a device seen twice, the later.

    `forced` is the ifindex on the host of a netdev that a pool makes play NetVSC.
    """
    same = [one for one in interfaces if one.link.mac == mac and one.link.type == ETHERNET]
    netvscs = _vouched(_latest(one for one in same if _is_netvsc(one, forced)))
    netvsc = netvscs[0] if len(netvscs) == 1 else None
    vfs = _latest(one for one in same if one.link.parent_bus == "pci" and not one.link.kind)
    if len(vfs) > 1 and netvsc:
        vfs = [one for one in vfs if _joined(one, netvsc)]
    return PairLocation(netvsc=netvsc, vf=vfs[0] if len(vfs) == 1 else None)


def host_name(part: NetnsLink) -> str | None:
    """Return the name that an interface had on the host, None for one that never left."""
    names = (altname.removeprefix(HOST_NAME_PREFIX) for altname in _host_altnames(part))
    return next((name for name in names if is_interface(name)), None)


def plan(
    location: PairLocation,
    goal: Goal,
    *,
    names: Collection[str],
    wait: bool,
    host_names: HostNames = _UNKNOWN,
) -> Sequence[PlanStep]:
    """Return what to do next; empty when the pair is where it shall be.

    `names` are taken at the goal, by whatever; `wait`: the kernel may still bring the VF itself.
    """
    netvsc, vf = location.netvsc, location.vf
    if not netvsc:
        return _stray(vf, goal, names, host_names)
    altnames = _add_host_names(location, host_names, names) if goal.netns is not None else ()
    if netvsc.link.netns != goal.netns:
        return (*altnames, *_moved(netvsc, vf, goal, names))
    steps = (*altnames, *_settle(netvsc, goal, names))
    if not vf:
        return steps
    if vf.link.netns == goal.netns:
        return (*steps, *_settle_vf(vf, netvsc, goal, names, host_names))
    return (*steps, Await(vf) if wait else _moved_vf(vf, goal, names, host_names))


def make_room(
    location: PairLocation, goal: Goal, interfaces: Iterable[NetnsLink]
) -> Sequence[PlanStep]:
    """Return what frees the name on the host that the NetVSC wants back, if a VF has taken it.

    While eth1 is away the kernel calls the next VF that comes so; a VF's name identifies nothing.
    """
    netvsc = location.netvsc
    if goal.netns is not None or not netvsc or _named(netvsc, goal):
        return ()
    on_host = [one for one in interfaces if one.link.netns is None]
    netvscs = {one.link.mac for one in (*on_host, netvsc) if one.link.parent_bus == "vmbus"}
    names = {name for one in on_host for name in one.names}
    return [
        Rename(one, _free(None, SPARE_VF, names))
        for one in on_host
        if one.link.name == goal.name and one.link.parent_bus == "pci" and one.link.mac in netvscs
    ]


def arrived(location: PairLocation, goal: Goal) -> bool:
    """Tell whether nothing of the pair is elsewhere; a pair that is gone is nowhere."""
    parts = [part for part in (location.netvsc, location.vf) if part]
    return bool(parts) and all(part.link.netns == goal.netns for part in parts)


def _named(netvsc: NetnsLink, goal: Goal) -> bool:
    return netvsc.link.netns == goal.netns and netvsc.link.name == goal.name


def _latest(interfaces: Iterable[NetnsLink]) -> list[NetnsLink]:
    return list({one.link.parent or one.link.ifindex: one for one in interfaces}.values())


def _vouched(netvscs: list[NetnsLink]) -> list[NetnsLink]:
    """Return those with a device behind them, if there are any: an altname alone may be forged."""
    return [one for one in netvscs if one.link.parent_bus] or netvscs


def _host_altnames(part: NetnsLink) -> list[str]:
    return [altname for altname in part.altnames if altname.startswith(HOST_NAME_PREFIX)]


def _is_netvsc(one: NetnsLink, forced: int | None) -> bool:
    link = one.link
    if link.parent_bus == "vmbus":
        return True
    on_host = forced is not None and link.netns is None and link.ifindex == forced
    return link.parent_bus != "pci" and (on_host or host_name(one) is not None)


def _joined(vf: NetnsLink, netvsc: NetnsLink) -> bool:
    return vf.link.netns == netvsc.link.netns and vf.link.master == netvsc.link.ifindex


def _add_host_names(
    location: PairLocation, host_names: HostNames, names: Collection[str]
) -> tuple[AddAltname, ...]:
    """Write its host name on what has none; two altnames of one name cannot be in one netns."""
    steps, taken = [], set(names)
    for part, recorded in ((location.netvsc, host_names.netvsc), (location.vf, host_names.vf)):
        if not part:
            continue
        own = part.link.name if part.link.netns is None else recorded
        written = host_name(part)
        altname = f"{HOST_NAME_PREFIX}{written or own}"
        if own and not written and altname not in taken:
            steps.append(AddAltname(part, altname))
        taken.add(altname)
    return tuple(steps)


def _stray(
    vf: NetnsLink | None, goal: Goal, names: Collection[str], host_names: HostNames
) -> tuple[PlanStep, ...]:
    """Move a VF to the host whose NetVSC is nowhere: no netns shall die with it inside."""
    if vf and goal.netns is None and vf.link.netns is not None:
        return (_moved_vf(vf, goal, names, host_names),)
    return ()


def _moved(
    netvsc: NetnsLink, vf: NetnsLink | None, goal: Goal, names: Collection[str]
) -> tuple[PlanStep, ...]:
    """In a pod a taken name is the pod's mistake, and the kernel says so; the host takes all."""
    if goal.netns is not None:
        return (Move(netvsc, goal.netns, goal.name),)
    left = [part for part in (netvsc, vf) if part and part.link.netns is not None]
    return *map(Clean, left), Move(netvsc, None, _free(goal.name, SPARE_NETVSC, names))


def _moved_vf(vf: NetnsLink, goal: Goal, names: Collection[str], host_names: HostNames) -> Move:
    wanted = (host_names.vf or host_name(vf)) if goal.netns is None else vf.link.name
    return Move(vf, goal.netns, _free(wanted, SPARE_VF, names))


def _free(wanted: str | None, spare: str, names: Collection[str]) -> str:
    if wanted and wanted not in names:
        return wanted
    return next(name for i in count() if (name := f"{spare}{i}") not in names)


def _settle(netvsc: NetnsLink, goal: Goal, names: Collection[str]) -> tuple[PlanStep, ...]:
    """Name and raise a NetVSC that has arrived; the altname goes once its host name is right."""
    steps: list[PlanStep] = []
    right = netvsc.link.name == goal.name
    free = goal.netns is not None or goal.name not in names
    if not right and free:
        steps.append(Rename(netvsc, goal.name))
    if goal.netns is None and (right or free):
        steps += [RemoveAltname(netvsc, altname) for altname in _host_altnames(netvsc)]
    if goal.up and not netvsc.link.flags & _UP:
        steps.append(Up(netvsc))
    return tuple(steps)


def _settle_vf(
    vf: NetnsLink, netvsc: NetnsLink, goal: Goal, names: Collection[str], host_names: HostNames
) -> tuple[PlanStep, ...]:
    steps: list[PlanStep] = []
    altnames = _host_altnames(vf)
    if goal.netns is None and altnames:
        wanted = host_names.vf or host_name(vf)
        if wanted and wanted not in names:
            steps.append(Rename(vf, wanted))
        steps += [RemoveAltname(vf, altname) for altname in altnames]
    if vf.link.mtu != netvsc.link.mtu:
        steps.append(Mtu(vf, netvsc.link.mtu))
    if goal.up and not vf.link.flags & _UP:
        steps.append(Up(vf))
    return tuple(steps)
