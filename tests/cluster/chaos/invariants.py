"""Whether a snapshot is as it must be. Pure; each rule names what it found and what it missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.chaos.seen import HOME, Broken, Invariant, NicTruth, Snapshot, Truth
from cluster.chaos.steps import APPLICATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERFACE = "netvsc0"  # a pod's first pair
_HOME_MARK = "nvhome-"


def judge(truth: Truth, seen: Snapshot) -> list[Broken]:
    """Everything that is not as it must be in a quiet; empty if all is well."""
    found = [*applications(truth, seen), *_nodes(truth, seen)]
    for nic in truth.nics:
        found += [*_place(truth, nic, seen), *_names(truth, nic, seen)]
        found += [*_status(truth, nic, seen), *_pipe(truth, nic, seen)]
    return found


def applications(truth: Truth, seen: Snapshot) -> Iterator[Broken]:
    for role, born in truth.born.items():
        now = seen.lives.get(role)
        if now != born:
            yield Broken(invariant=Invariant.APPLICATION, what=f"{role} was {born}, is {now}")


def wires(truth: Truth, present: frozenset[str]) -> Iterator[Broken]:
    """A netdev that dies with its network namespace takes its far end with it."""
    for nic in truth.nics:
        if f"{nic.name}-far" not in present:
            yield Broken(invariant=Invariant.PAIR, what=f"the wire of {nic.name} is gone")


def _nodes(truth: Truth, seen: Snapshot) -> Iterator[Broken]:
    yield from wires(truth, seen.wires)
    if seen.allocatable != len(truth.nics):
        what = f"{seen.allocatable} pairs are allocatable, not {len(truth.nics)}"
        yield Broken(invariant=Invariant.STATUS, what=what)
    if len(seen.left) != len(truth.holders):
        what = f"the agent's files of containers are {seen.left}, {len(truth.holders)} have pairs"
        yield Broken(invariant=Invariant.PAIR, what=what)


def _space(truth: Truth, nic: NicTruth, seen: Snapshot) -> str | None:
    """Where the pair must be; None if its pod has no network namespace that we know."""
    return seen.spaces.get(nic.role) if nic.role in truth.holders else HOME


def _place(truth: Truth, nic: NicTruth, seen: Snapshot) -> Iterator[Broken]:
    where = [dev for dev in seen.netdevs if dev.mac == nic.mac]
    wanted = 1 if nic.vf is None else 2
    space = _space(truth, nic, seen)
    right = [dev for dev in where if dev.space == space]
    if len(where) != wanted or len(right) != wanted:
        shown = [f"{dev.name} in {dev.space or 'the node'}" for dev in where]
        what = f"{nic.name} of {nic.role}: {shown}, wanted {wanted} in {space or 'the node'}"
        yield Broken(invariant=Invariant.PAIR, what=what)


def _names(truth: Truth, nic: NicTruth, seen: Snapshot) -> Iterator[Broken]:
    inside = nic.role in truth.holders
    space = _space(truth, nic, seen)
    there = {dev.name: dev for dev in seen.netdevs if (dev.space, dev.mac) == (space, nic.mac)}
    name = INTERFACE if inside else nic.name
    wanted = {name} | ({nic.vf} if nic.vf else set())
    if there.keys() != wanted:
        what = f"{nic.name}: called {sorted(there)}, not {sorted(wanted)}"
        yield Broken(invariant=Invariant.NAME, what=what)
        return
    ways = [alt for alt in there[name].altnames if alt.startswith(_HOME_MARK)]
    due = [f"{_HOME_MARK}{nic.name}"] if inside else []
    if ways != due:
        yield Broken(invariant=Invariant.NAME, what=f"{nic.name}: host name {ways}, not {due}")


def _status(truth: Truth, nic: NicTruth, seen: Snapshot) -> Iterator[Broken]:
    said = seen.pairs.get(nic.id)
    if said is None:
        yield Broken(invariant=Invariant.STATUS, what=f"NetvscNode does not know {nic.name}")
        return
    holder = f"{truth.namespace}/{nic.role}" if nic.role in truth.holders else None
    wanted = {
        "path": "VF" if nic.vf else "Synthetic",
        "pci": nic.pci,
        "holder": holder,
        "interface": INTERFACE if holder else None,
    }
    if holder and nic.role in APPLICATIONS:
        wanted["announced"] = "Taken" if nic.vf else "Away"
    for key, value in wanted.items():
        if (told := getattr(said, key)) != value:
            what = f"NetvscNode says of {nic.name} ({nic.role}) {key} {told}, not {value}"
            yield Broken(invariant=Invariant.STATUS, what=what)
    if nic.vf and said.returns != said.revocations:
        what = (
            f"NetvscNode says of {nic.name} ({nic.role}) {said.revocations} revocations and "
            f"{said.returns} returns, and its VF is there"
        )
        yield Broken(invariant=Invariant.STATUS, what=what)
    yield from _condition(truth, nic, seen)


def _condition(truth: Truth, nic: NicTruth, seen: Snapshot) -> Iterator[Broken]:
    if nic.role not in APPLICATIONS or nic.role not in truth.holders:
        return
    pod = seen.pods.get(nic.role)
    told, wanted = pod.accelerated if pod else None, "True" if nic.vf else "False"
    if told != wanted:
        why = pod.why if pod else "no such pod"
        what = f"pod {nic.role}'s condition is {told}, not {wanted} ({why})"
        yield Broken(invariant=Invariant.STATUS, what=what)


def _pipe(truth: Truth, nic: NicTruth, seen: Snapshot) -> Iterator[Broken]:
    """The sidecar's word on the line that may be read."""
    if nic.role not in APPLICATIONS or nic.role not in truth.holders:
        return
    said = seen.pipes.get(nic.role)
    if said is None:
        yield Broken(invariant=Invariant.ANNOUNCEMENT, what=f"{nic.role}: no sidecar answers")
        return
    leads = leads_to(said.line)
    if leads != nic.vf:
        what = f"{nic.role}: the line {said.line} is announced, the VF is {nic.vf}"
        yield Broken(invariant=Invariant.ANNOUNCEMENT, what=what)


def leads_to(line: str | None) -> str | None:
    """The netdev that a line leads to: as the tests' template writes it, by its name."""
    if not line:
        return None
    return next((word[6:] for word in line.split(",") if word.startswith("iface=")), line)
