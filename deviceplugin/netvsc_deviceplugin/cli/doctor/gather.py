"""Read a node below a root: / itself, or where a pod has it mounted. Nothing is changed.

A pod must mount the host's root with what is mounted below it (a hostPath of `/` does): /proc,
/sys, /dev and /run are read from there.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

from netvsc.encoding.serialize import from_plain
from netvsc.errors import ConfigError, RequestError
from netvsc_deviceplugin.cli.doctor.facts import Cni, NodeFacts, Pages, PluginBinary, Sockets
from netvsc_deviceplugin.cli.doctor.files import content, entries, exists, listable, number, text
from netvsc_deviceplugin.cli.doctor.gather_nics import netvscs, vfs
from netvsc_deviceplugin.cli.doctor.modules import Modules, names, options
from netvsc_deviceplugin.cni.chain import conflist
from netvsc_deviceplugin.netvscnode.cache import Copy

_KUBEPODS = ("kubepods.slice", "kubepods")  # the kubelet's cgroup, by its driver


def node(root: Path) -> NodeFacts:
    """Read all that the checks of a node ask for; raises RequestError for a root that is none."""
    release = text(root / "proc/sys/kernel/osrelease")
    if release is None:
        raise RequestError(
            f"--root {root}: has no proc/sys/kernel/osrelease; name the node's root folder, with "
            "/proc, /sys and /dev mounted in it (a pod's hostPath of / has them)"
        )
    return NodeFacts(
        release=release,
        modules=_modules(root, release),
        pages=tuple(_pages(root, one) for one in entries(root / "sys/kernel/mm/hugepages")),
        netvscs=netvscs(root),
        vfs=vfs(root),
        tun=exists(root / "dev/net/tun"),
        rdma_cm=exists(root / "dev/infiniband/rdma_cm"),
        cni=_cni(root),
        sockets=_sockets(root / "var/lib/kubelet"),
        copy=_copy(root / "run/netvsc/netvscnode.json"),
        dranet=exists(root / "var/lib/kubelet/plugins/dra.net"),
    )


def _modules(root: Path, release: str) -> Modules:
    folders = [root / top / "modules" / release for top in ("lib", "usr/lib")]
    modules = next((folder for folder in folders if exists(folder)), folders[0])
    builtin, loadable = text(modules / "modules.builtin"), text(modules / "modules.dep")
    loaded = {line.split()[0] for line in (text(root / "proc/modules") or "").splitlines()}
    config = _config(root, release)
    return Modules(
        loaded=frozenset(loaded | {entry.name for entry in entries(root / "sys/module")}),
        builtin=None if builtin is None else names(builtin),
        loadable=None if loadable is None else names(loadable),
        config=None if config is None else options(config),
    )


def _config(root: Path, release: str) -> str | None:
    try:
        return gzip.decompress((root / "proc/config.gz").read_bytes()).decode()
    except (OSError, EOFError, UnicodeDecodeError):
        return text(root / "boot" / f"config-{release}")


def _pages(root: Path, folder: Path) -> Pages:
    nodes = {
        int(number_): number(node / "hugepages" / folder.name / "nr_hugepages")
        for node in entries(root / "sys/devices/system/node")
        if (number_ := node.name.removeprefix("node")).isdigit()
    }
    kib = int(folder.name.removeprefix("hugepages-").removesuffix("kB"))
    return Pages(
        kib=kib,
        total=number(folder / "nr_hugepages"),
        free=number(folder / "free_hugepages"),
        kubelet=_kubelets(root / "sys/fs/cgroup", kib),
        by_node=nodes,
    )


def _kubelets(cgroups: Path, kib: int) -> int | None:
    """Return the limit that the kubelet gave all pods together: what it believes to have."""
    size = f"{kib // 1024}MB" if kib < 1024 * 1024 else f"{kib >> 20}GB"
    for name in _KUBEPODS:
        v2 = cgroups / name / f"hugetlb.{size}.max"
        v1 = cgroups / "hugetlb" / name / f"hugetlb.{size}.limit_in_bytes"
        limit = text(v2) or text(v1)
        if limit and limit.isdigit():
            return int(limit)
    return None


def _cni(root: Path) -> Cni | None:
    folder = root / "etc/cni/net.d"
    if not listable(folder):
        return None
    first = conflist.primary(entry.name for entry in entries(folder))
    data = (content(folder / first) or b"") if first else b""
    return Cni(conflist=first, text=data, program=_program(root / "opt/cni/bin" / conflist.TYPE))


def _program(file: Path) -> PluginBinary:
    try:
        flags, mode = os.statvfs(file.parent).f_flag, file.stat().st_mode
    except OSError:
        return PluginBinary.ABSENT
    if flags & os.ST_NOEXEC:
        return PluginBinary.NOEXEC
    return PluginBinary.RUNS if mode & 0o111 else PluginBinary.NO_MODE


def _sockets(kubelet: Path) -> Sockets | None:
    if not listable(kubelet):
        return None
    return Sockets(
        plugins=exists(kubelet / "device-plugins/kubelet.sock"),
        podresources=exists(kubelet / "pod-resources/kubelet.sock"),
    )


def _copy(file: Path) -> Copy | None:
    """Return the agent's copy; unlike the agent, leave one that makes no sense where it is."""
    data = content(file)
    try:
        return from_plain(Copy, json.loads(data)) if data is not None else None
    except (ValueError, ConfigError):
        return None
