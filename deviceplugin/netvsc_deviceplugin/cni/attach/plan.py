"""What to move, rename and undo, given where things are. Pure.

A plan is what can be done now, up to the next move: after a move the node is looked at again, for
the kernel may have brought the VF itself, and an ifindex may have changed. When nothing is left to
do, the plan is empty. So a plan is right after a crash at any step, and doing it twice is harmless.

The way home is an altname on the device, `nvhome-<name on the host>`: it needs no file.
A pod that may administer its network can write such notes too, and MAC addresses: what the kernel
vouches for (the device behind a netdev) and what the record says come first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from netvsc.model.names import is_interface
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink
from netvsc_deviceplugin.kernel.links import ETHERNET

WAY_HOME = "nvhome-"
SPARE_NETVSC, SPARE_VF = "nvhome", "nvvf"  # with a number, where the name wanted is taken
_UP = 0x1


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Where a pair shall be: `netns` None is home, `name` the NetVSC's name there.

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
class Homes:
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
class Remember(PlanStep):
    altname: str


@dataclass(frozen=True, slots=True)
class Forget(PlanStep):
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


_UNKNOWN = Homes()


def find(mac: str, interfaces: Iterable[NetnsLink], *, forced: int | None = None) -> PairLocation:
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


def way_home(part: NetnsLink) -> str | None:
    """Return the name that an interface had on the host, None for one that never left."""
    names = (altname.removeprefix(WAY_HOME) for altname in _notes(part))
    return next((name for name in names if is_interface(name)), None)


def plan(
    location: PairLocation,
    goal: Goal,
    *,
    names: Collection[str],
    wait: bool,
    homes: Homes = _UNKNOWN,
) -> Sequence[PlanStep]:
    """Return what to do next; empty when the pair is where it shall be.

    `names` are taken at the goal, by whatever; `wait`: the kernel may still bring the VF itself.
    """
    netvsc, vf = location.netvsc, location.vf
    if not netvsc:
        return _stray(vf, goal, names, homes)
    notes = _remember(location, homes, names) if goal.netns is not None else ()
    if netvsc.link.netns != goal.netns:
        return (*notes, *_moved(netvsc, vf, goal, names))
    steps = (*notes, *_settle(netvsc, goal, names))
    if not vf:
        return steps
    if vf.link.netns == goal.netns:
        return (*steps, *_settle_vf(vf, netvsc, goal, names, homes))
    return (*steps, Await(vf) if wait else _moved_vf(vf, goal, names, homes))


def make_room(
    location: PairLocation, goal: Goal, interfaces: Iterable[NetnsLink]
) -> Sequence[PlanStep]:
    """Return what frees the name on the host that the NetVSC wants back, if a VF has taken it.

    While eth1 is away the kernel calls the next VF that comes so; a VF's name identifies nothing.
    """
    netvsc = location.netvsc
    if goal.netns is not None or not netvsc or _named(netvsc, goal):
        return ()
    at_home = [one for one in interfaces if one.link.netns is None]
    netvscs = {one.link.mac for one in (*at_home, netvsc) if one.link.parent_bus == "vmbus"}
    names = {name for one in at_home for name in one.names}
    return [
        Rename(one, _free(None, SPARE_VF, names))
        for one in at_home
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
    """Return those with a device behind them, if there are any: a note alone may be forged."""
    return [one for one in netvscs if one.link.parent_bus] or netvscs


def _notes(part: NetnsLink) -> list[str]:
    return [altname for altname in part.altnames if altname.startswith(WAY_HOME)]


def _is_netvsc(one: NetnsLink, forced: int | None) -> bool:
    link = one.link
    if link.parent_bus == "vmbus":
        return True
    at_home = forced is not None and link.netns is None and link.ifindex == forced
    return link.parent_bus != "pci" and (at_home or way_home(one) is not None)


def _joined(vf: NetnsLink, netvsc: NetnsLink) -> bool:
    return vf.link.netns == netvsc.link.netns and vf.link.master == netvsc.link.ifindex


def _remember(location: PairLocation, homes: Homes, names: Collection[str]) -> tuple[Remember, ...]:
    """Note the way home on what has none; two notes of one name could not be in one netns."""
    notes, taken = [], set(names)
    for part, recorded in ((location.netvsc, homes.netvsc), (location.vf, homes.vf)):
        if not part:
            continue
        own = part.link.name if part.link.netns is None else recorded
        noted = way_home(part)
        altname = f"{WAY_HOME}{noted or own}"
        if own and not noted and altname not in taken:
            notes.append(Remember(part, altname))
        taken.add(altname)
    return tuple(notes)


def _stray(
    vf: NetnsLink | None, goal: Goal, names: Collection[str], homes: Homes
) -> tuple[PlanStep, ...]:
    """Bring a VF home whose NetVSC is nowhere: no netns shall die with it inside."""
    if vf and goal.netns is None and vf.link.netns is not None:
        return (_moved_vf(vf, goal, names, homes),)
    return ()


def _moved(
    netvsc: NetnsLink, vf: NetnsLink | None, goal: Goal, names: Collection[str]
) -> tuple[PlanStep, ...]:
    """In a pod a taken name is the pod's mistake, and the kernel says so; home takes all back."""
    if goal.netns is not None:
        return (Move(netvsc, goal.netns, goal.name),)
    left = [part for part in (netvsc, vf) if part and part.link.netns is not None]
    return *map(Clean, left), Move(netvsc, None, _free(goal.name, SPARE_NETVSC, names))


def _moved_vf(vf: NetnsLink, goal: Goal, names: Collection[str], homes: Homes) -> Move:
    wanted = (homes.vf or way_home(vf)) if goal.netns is None else vf.link.name
    return Move(vf, goal.netns, _free(wanted, SPARE_VF, names))


def _free(wanted: str | None, spare: str, names: Collection[str]) -> str:
    if wanted and wanted not in names:
        return wanted
    return next(name for i in count() if (name := f"{spare}{i}") not in names)


def _settle(netvsc: NetnsLink, goal: Goal, names: Collection[str]) -> tuple[PlanStep, ...]:
    """Name and raise a NetVSC that has arrived; the note goes once its host name is right."""
    steps: list[PlanStep] = []
    right = netvsc.link.name == goal.name
    free = goal.netns is not None or goal.name not in names
    if not right and free:
        steps.append(Rename(netvsc, goal.name))
    if goal.netns is None and (right or free):
        steps += [Forget(netvsc, note) for note in _notes(netvsc)]
    if goal.up and not netvsc.link.flags & _UP:
        steps.append(Up(netvsc))
    return tuple(steps)


def _settle_vf(
    vf: NetnsLink, netvsc: NetnsLink, goal: Goal, names: Collection[str], homes: Homes
) -> tuple[PlanStep, ...]:
    steps: list[PlanStep] = []
    notes = _notes(vf)
    if goal.netns is None and notes:
        wanted = homes.vf or way_home(vf)
        if wanted and wanted not in names:
            steps.append(Rename(vf, wanted))
        steps += [Forget(vf, note) for note in notes]
    if vf.link.mtu != netvsc.link.mtu:
        steps.append(Mtu(vf, netvsc.link.mtu))
    if goal.up and not vf.link.flags & _UP:
        steps.append(Up(vf))
    return tuple(steps)
