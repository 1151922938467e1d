"""Where everything lives: what is built is kept, what is run is deleted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cluster.harness.errors import ClusterError

DEFAULT_RELEASE = "1.36"

# The node covers these with its own copies, so nothing of ours may lie below them.
COVERED = ("/etc", "/opt", "/run", "/var/lib", "/var/log")

# The kubelet's sockets lie this deep below the run folder, and a socket's path has 107 bytes.
_DEEPEST_SOCKET = "kubelet/device-plugins/netvsc.io_a-resource-name.sock"
_SOCKET_PATH_MAX = 107


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one cluster. Several may run side by side under different names."""

    home: Path
    name: str
    release: str

    @property
    def kubernetes(self) -> Path:
        return self.home / "bin" / f"kubernetes-{self.release}"

    @property
    def tools(self) -> Path:
        return self.home / "bin" / "tools"

    @property
    def opt(self) -> Path:
        """Laid over the node's /opt, so the CNI plugins are found in /opt/cni/bin."""
        return self.home / "opt"

    @property
    def packages(self) -> Path:
        return self.home / "packages"

    @property
    def images(self) -> Path:
        return self.home / "images"

    @property
    def run(self) -> Path:
        return self.home / "run" / self.name

    @property
    def lock(self) -> Path:
        return self.home / "run" / f"{self.name}.lock"

    @property
    def logs(self) -> Path:
        return self.run / "logs"

    @property
    def pki(self) -> Path:
        return self.run / "pki"

    @property
    def conf(self) -> Path:
        return self.run / "conf"

    @property
    def kubelet(self) -> Path:
        """The node's /var/lib/kubelet: sockets made here are the kubelet's own."""
        return self.run / "kubelet"

    @property
    def kubeconfig(self) -> Path:
        """For people and tests on this machine, outside the node's namespaces."""
        return self.run / "kubeconfig"

    @property
    def last_logs(self) -> Path:
        return self.home / "last-logs" / self.name

    @property
    def cgroup(self) -> str:
        return f"netvsc-cluster-{self.name}"


def cache_home() -> Path:
    fallback = Path.home() / ".cache" / "netvsc"
    return Path(os.environ.get("NETVSC_CACHE") or fallback).absolute() / "cluster"


def layout(name: str, *, release: str = DEFAULT_RELEASE) -> Layout:
    made = Layout(home=cache_home(), name=name, release=release)
    if any(made.home.is_relative_to(folder) for folder in COVERED):
        raise ClusterError(
            f"the cache {made.home} lies below a folder that the node replaces with its own"
            f" ({', '.join(COVERED)}): set NETVSC_CACHE to another folder"
        )
    if len(str(made.run / _DEEPEST_SOCKET)) > _SOCKET_PATH_MAX:
        raise ClusterError(
            f"the cache {made.home} lies too deep: the kubelet's sockets below it would exceed"
            f" {_SOCKET_PATH_MAX} bytes; set NETVSC_CACHE to a shorter path"
        )
    return made
