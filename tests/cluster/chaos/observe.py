"""One look at everything: kernel, processes, sidecars, apiserver."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cluster.chaos import processes as own_processes
from cluster.chaos.processes import Who
from cluster.chaos.seen import HOME, Life, Netdev, PairSeen, PipeSeen, PodSeen, Snapshot
from cluster.chaos.stage import restarts_of
from cluster.chaos.steps import APPLICATIONS, Role
from cluster.chaos.telling import Event
from cluster.deployments.simulated_nics import FAR
from cluster.harness import addresses, namespaces, processes
from cluster.stories.shared import condition
from cluster.stories.story import ACCELERATED, EVENTS, PAIR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.chaos.stage import Stage
    from cluster.harness import Cluster
    from cluster.pods import Object

_LINKS = (
    'for space in "" $(ls /run/netns); do '
    'echo "space $space $(stat -L -c %i /run/netns/$space 2>/dev/null)"; '
    'ip ${space:+-n $space} -json link 2>/dev/null || echo "[]"; done'
)
_ANSWER_S = 2.0


def snapshot(stage: Stage) -> Snapshot:
    told = [*_spaces_told(stage.cluster)]
    netdevs = [*_netdevs(told)]
    objects = _objects(stage.cluster)
    pods = {
        one["metadata"]["name"]: one
        for one in objects
        if one["kind"] == "Pod" and one["metadata"]["namespace"] == stage.namespace
    }
    lives = _lives(stage, pods)
    return Snapshot(
        netdevs=tuple(dev for dev in netdevs if not dev.name.endswith(FAR)),
        wires=frozenset(dev.name for dev in netdevs if dev.name.endswith(FAR)),
        pods={name: _pod(one) for name, one in pods.items()},
        pairs=_pairs(objects),
        pipes=_pipes(stage, lives),
        lives=lives,
        spaces=_spaces(stage, pods, {inode: space for space, inode, _ in told}),
        allocatable=_allocatable(objects),
        left=_left(stage.cluster),
    )


def events(cluster: Cluster) -> list[tuple[str, Event]]:
    """Ours, with the time of each, oldest first."""
    found = []
    for one in cluster.get(EVENTS, "-A")["items"]:
        about = one.get("regarding", {})
        event = Event(
            reason=one.get("reason", ""),
            kind=about.get("kind", ""),
            about=about.get("uid" if about.get("kind") == "Pod" else "name", ""),
            note=one.get("note", ""),
        )
        if one.get("reportingController") == "netvsc.io/controller":
            found.append((str(one["eventTime"]), event))
    return sorted(found, key=lambda one: one[0])


def _spaces_told(cluster: Cluster) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Each network namespace that has a name: that name, its inode, its links."""
    told = cluster.node.run(["sh", "-c", _LINKS]).stdout.decode()
    for part in told.split("space ")[1:]:
        head, _, links = part.partition("\n")
        *name, inode = head.split() or [""]
        yield (name[0] if name else HOME, inode, json.loads(links or "[]"))


def _netdevs(told: list[tuple[str, str, list[dict[str, Any]]]]) -> Iterator[Netdev]:
    for space, _, links in told:
        for link in links:
            if "ifname" in link:
                altnames = tuple(link.get("altnames", ()))
                mac = link.get("address", "")
                yield Netdev(space=space, name=link["ifname"], mac=mac, altnames=altnames)


def _objects(cluster: Cluster) -> list[Object]:
    asked = ("pods,nodes,netvscnodes.netvsc.io", "-A")
    several: list[Object] = cluster.get(*asked)["items"]
    return several


def _pod(one: Object) -> PodSeen:
    ours = condition(one, ACCELERATED)
    return PodSeen(
        uid=one["metadata"]["uid"],
        restarts=restarts_of(one) if one["status"].get("containerStatuses") else 0,
        accelerated=ours.get("status"),
        why=f"{ours.get('reason')}, {ours.get('message')}",
        ready=condition(one, "Ready").get("status") == "True",
    )


def _pairs(objects: list[Object]) -> dict[str, PairSeen]:
    nodes = [one for one in objects if one["kind"] == "NetvscNode"]
    mine = [one for one in nodes if one["metadata"]["name"] == addresses.NODE]
    said = mine[0].get("status", {}).get("pairs", []) if mine else []
    return {one["id"]: _pair(one) for one in said}


def _pair(said: dict[str, Any]) -> PairSeen:
    held, announced = said.get("allocation") or {}, said.get("announcement") or {}
    return PairSeen(
        path=said["path"],
        pci=(said.get("vf") or {}).get("pci"),
        holder=f"{held['namespace']}/{held['pod']}" if held else None,
        interface=held.get("interface"),
        announced=announced.get("state"),
        line=announced.get("line"),
        taken_at=announced.get("takenAt"),
        last_revoked=said.get("lastRevoked"),
        revocations=said.get("revocations", 0),
        returns=said.get("returns", 0),
    )


def _lives(stage: Stage, pods: dict[str, Object]) -> dict[Role, Life]:
    programs = {Role.FORWARDER: Who.TESTPMD, Role.WITNESS: Who.WITNESS}
    everybody = own_processes.everybody(stage.cluster)
    found = {}
    for role, who in programs.items():
        status = pods.get(role, {}).get("status", {})
        restarts = restarts_of(pods[role]) if status.get("containerStatuses") else -1
        for one in everybody:
            if one.who is who and one.pod == stage.uids.get(role):
                found[role] = Life(pid=one.pid, started=one.started, restarts=restarts)
    return found


def _pipes(stage: Stage, lives: dict[Role, Life]) -> dict[Role, PipeSeen]:
    found = {}
    for role in APPLICATIONS:
        if role in lives and role in stage.holders:
            with suppress(OSError, ValueError):
                said = asked(lives[role].pid)
                found[role] = PipeSeen(vf=said["vf"], line=said["line"], pci=said["pci"])
    return found


def asked(pid: int) -> dict[str, Any]:
    """What the sidecar says in whose network a process is; raises OSError if none answers."""
    with namespaces.network(pid), socket.socket(socket.AF_UNIX) as talk:
        talk.settimeout(_ANSWER_S)
        talk.connect("\0netvsc.io/fdpipe")
        talk.sendall(b"status\n")
        answer = b""
        while more := talk.recv(4096):
            answer += more
    said: dict[str, Any] = json.loads(answer.splitlines()[0])
    return said


def _spaces(stage: Stage, pods: dict[str, Object], inodes: dict[str, str]) -> dict[str, str]:
    """The network namespace of each pod, by what its processes are in."""
    found = {}
    for name, one in pods.items():
        for pid in own_processes.inside(stage.cluster, one["metadata"]["uid"]):
            with suppress(OSError):
                inode = processes.namespace(pid, "net").strip("net:[]")
                found[name] = inodes.get(inode, f"net:[{inode}]")
    return found


def _allocatable(objects: list[Object]) -> int:
    [node] = [one for one in objects if one["kind"] == "Node"]
    return int(node["status"]["allocatable"].get(PAIR, "0"))


def _left(cluster: Cluster) -> tuple[str, ...]:
    """The agent's files of containers with pairs, and of calls that are to be settled."""
    script = "cd /run/netvsc && ls containers passed 2>/dev/null | grep -v -e : -e '^$'"
    told = cluster.node.run(["sh", "-c", script], check=False)
    return tuple(told.stdout.decode().split())
