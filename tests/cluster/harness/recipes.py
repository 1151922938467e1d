"""How each program is built from Go modules. The versions stand in `go/*/*.mod`, nowhere else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from cluster.harness.layout import Layout

MODULES = Path(__file__).parent / "go"
_NEWEST = "go.mod"
RELEASES = {"1.36": _NEWEST, "1.34": "v1.34.mod"}
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
_PLUGINS = "github.com/containernetworking/plugins/plugins"
_MULTUS = "gopkg.in/k8snetworkplumbingwg/multus-cni.v4"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One `go build`: packages of one module, into one file or folder."""

    name: str
    module: Path
    packages: tuple[str, ...]
    out: Path
    modfile: str = _NEWEST
    tags: str = ""
    ldflags: str = "-s -w"
    cgo: bool = False

    @property
    def folder(self) -> Path:
        """Several programs go into a folder under their own names."""
        return self.out if len(self.packages) > 1 else self.out.parent

    @property
    def argv(self) -> list[str]:
        options = ["-trimpath", "-buildvcs=false", f"-modfile={self.modfile}"]
        named = [f"-tags={self.tags}", f"-ldflags={self.ldflags}", f"-o={self.out}"]
        # nice: a build must not stall what else the machine does.
        return ["nice", "-n", "10", "go", "build", *options, *named, *self.packages]

    @property
    def key(self) -> str:
        """Changes with anything that changes the result."""
        sources = [*self.module.glob("*.go")]
        modfile = self.module / self.modfile
        sources += [modfile, modfile.with_suffix(".sum")]
        digest = hashlib.sha256(repr((self.argv, self.cgo)).encode())
        for source in sorted(sources):
            digest.update(source.read_bytes())
        return digest.hexdigest()


def recipes(layout: Layout) -> list[Recipe]:
    tools = MODULES / "tools"
    return [
        _kubernetes(layout),
        Recipe(
            "containerd",
            tools,
            tuple(
                f"{_CONTAINERD}/{part}" for part in ("containerd", "containerd-shim-runc-v2", "ctr")
            ),
            layout.tools,
            tags="no_btrfs,no_devmapper,no_zfs",
        ),
        Recipe(
            "runc",
            tools,
            ("github.com/opencontainers/runc",),
            layout.tools / "runc",
            tags="netgo,osusergo,seccomp",  # without seccomp no pod sandbox starts
            ldflags="-s -w -extldflags=-static",
            cgo=True,
        ),
        Recipe(
            "cni-plugins",
            tools,
            tuple(
                f"{_PLUGINS}/{part}"
                for part in (
                    "ipam/host-local",
                    "ipam/static",
                    "main/bridge",
                    "main/host-device",
                    "main/loopback",
                    "meta/portmap",
                )
            ),
            layout.opt / "cni/bin",
        ),
        Recipe(
            "cnitool",
            tools,
            ("github.com/containernetworking/cni/cnitool",),
            layout.tools / "cnitool",
        ),
        Recipe("helm", tools, ("helm.sh/helm/v3/cmd/helm",), layout.tools / "helm"),
        # A module of its own: it wants an older Kubernetes than helm does.
        Recipe("multus", MODULES / "multus", (f"{_MULTUS}/cmd/multus",), layout.tools / "multus"),
    ]


def _kubernetes(layout: Layout) -> Recipe:
    if layout.release not in RELEASES:
        raise ClusterError(
            f"Kubernetes {layout.release} is not among the releases this builds:"
            f" {', '.join(RELEASES)}; python -m cluster.harness pin adds one"
        )
    module, modfile = MODULES / "kubernetes", RELEASES[layout.release]
    return Recipe(
        f"kubernetes-{layout.release}",
        module,
        (".",),
        layout.kubernetes / "kubernetes",
        modfile=modfile,
        ldflags=_stamped(pinned(module / modfile, "k8s.io/kubernetes")),
    )


def pinned(modfile: Path, module: str) -> str:
    """The version of a module that a go.mod requires."""
    for line in modfile.read_text().splitlines():
        words = line.split()
        if words[:1] == [module] and words[1:2] and words[1].startswith("v"):
            return words[1]
    raise ClusterError(f"{modfile} requires no {module}: add it with go get")


def _stamped(version: str) -> str:
    """Kubernetes does not know its version by itself, and compares it with its peers'."""
    major, minor, _ = version.removeprefix("v").split(".")
    facts = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    stamps = (f"-X k8s.io/component-base/version.{fact}={value}" for fact, value in facts.items())
    return " ".join(("-s -w", *stamps))


def versions() -> dict[str, str]:
    """What is pinned, for people."""
    tools = MODULES / "tools" / _NEWEST
    kubernetes = {
        f"kubernetes {release}": pinned(MODULES / "kubernetes" / modfile, "k8s.io/kubernetes")
        for release, modfile in RELEASES.items()
    }
    parts = {
        "containerd": "github.com/containerd/containerd/v2",
        "runc": "github.com/opencontainers/runc",
        "CNI plugins": "github.com/containernetworking/plugins",
        "cnitool": "github.com/containernetworking/cni",
        "helm": "helm.sh/helm/v3",
    }
    multus = {"Multus": pinned(MODULES / "multus" / _NEWEST, _MULTUS)}
    return kubernetes | {name: pinned(tools, module) for name, module in parts.items()} | multus
