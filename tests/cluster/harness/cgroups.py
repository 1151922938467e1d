"""The one cgroup all pods of a cluster live below, in every hierarchy the machine has."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cluster.harness.wait import until

ROOT = Path("/sys/fs/cgroup")
_WANTED = ("cpu", "cpuset", "hugetlb", "io", "memory", "pids")


def hierarchies(root: Path = ROOT) -> list[Path]:
    """One on cgroup v2; on v1 a folder for each controller, some of them under two names, and
    perhaps a v2 one without controllers beside them."""
    if _is_v2(root):
        return [root]
    return sorted({entry.resolve() for entry in root.iterdir() if entry.is_dir()})


def _is_v2(hierarchy: Path) -> bool:
    return (hierarchy / "cgroup.controllers").exists()


def make(name: str, *, root: Path = ROOT) -> None:
    for hierarchy in hierarchies(root):
        if _is_v2(hierarchy):
            _delegate(hierarchy)
        (hierarchy / name).mkdir(exist_ok=True)
        # A v1 cpuset starts empty, and an empty one takes no process.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if hierarchy.name.startswith("cpuset"):
                (hierarchy / name / file).write_text((hierarchy / file).read_text())


def _delegate(hierarchy: Path) -> None:
    there = (hierarchy / "cgroup.controllers").read_text().split()
    for controller in _WANTED:
        if controller in there:
            (hierarchy / "cgroup.subtree_control").write_text(f"+{controller}")


def found(name: str, *, root: Path = ROOT) -> list[Path]:
    return [path for hierarchy in hierarchies(root) if (path := hierarchy / name).exists()]


def remove(name: str, *, root: Path = ROOT) -> None:
    """Processes just killed leave their cgroup a moment later: try again until it is empty."""
    until(lambda: _removed(name, root), what=f"the cgroup {name} to become empty", seconds=20)


def _removed(name: str, root: Path) -> bool:
    for top in found(name, root=root):
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()
    return not found(name, root=root)
