"""What a cluster could leave on the machine."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.harness import cgroups, processes

if TYPE_CHECKING:
    from cluster.harness import Layout

_KINDS = ("ipc", "mnt", "net", "pid", "uts")
# What a node makes, should it ever make it outside: others may work on this machine meanwhile.
_NODE_FOLDERS = ("/etc/cni", "/opt/cni", "/var/lib/cni", "/var/lib/kubelet")
_NODE_LINKS = re.compile(r"node0|cni0|veth")
_NODE_MOUNTS = re.compile(r"kubelet|containerd|netns/cni-|cgroups|overlay")


@dataclass(frozen=True, slots=True)
class Machine:
    """The parts of the machine that a cluster could have changed."""

    links: frozenset[str]
    files: frozenset[Path]
    mounts: frozenset[str]


def machine() -> Machine:
    told = subprocess.run(["ip", "-json", "link"], check=True, capture_output=True, text=True)
    links = [link["ifname"] for link in json.loads(told.stdout)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    files = [path for folder in _NODE_FOLDERS for path in (Path(folder), *Path(folder).rglob("*"))]
    files += Path("/run/netns").glob("cni-*")
    return Machine(
        links=frozenset(name for name in links if _NODE_LINKS.match(name)),
        files=frozenset(path for path in files if path.exists()),
        mounts=frozenset(line for line in mounts if _NODE_MOUNTS.search(line)),
    )


def left_on(before: Machine, after: Machine) -> list[str]:
    """Each thing that is on the machine now and was not before."""
    found = sorted([*(after.links - before.links), *(after.mounts - before.mounts)])
    return found + sorted(str(path) for path in after.files - before.files)


def namespaces_of(pids: list[int]) -> frozenset[str]:
    return frozenset(processes.namespace(pid, kind) for pid in pids for kind in _KINDS)


def left(layout: Layout, *, namespaces: frozenset[str]) -> list[str]:
    """Each thing of a cluster that is still there, in words."""
    found = [f"folder {layout.run}"] if layout.run.exists() else []
    found += [f"cgroup {path}" for path in cgroups.found(layout.cgroup)]
    for process in processes.every():
        if str(layout.run) in " ".join(process.argv):
            found.append(f"process {process.pid} {process.argv}")
        found += [f"namespace {kind} of {process.pid}" for kind in _shared(process.pid, namespaces)]
    return found


def _shared(pid: int, namespaces: frozenset[str]) -> list[str]:
    try:
        return [kind for kind in _KINDS if processes.namespace(pid, kind) in namespaces]
    except (FileNotFoundError, PermissionError):
        return []
