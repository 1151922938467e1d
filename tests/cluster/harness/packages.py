"""What the machine itself must have, from Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

# program that must be there -> package that brings it
_NEEDED = {
    "gcc": "gcc",
    "ip": "iproute2",
    "nft": "nftables",  # kube-proxy and portmap
    "openssl": "openssl",
    "pkg-config": "pkg-config",
    "unshare": "util-linux",
}
_SECCOMP = "libseccomp-dev"  # runc
_LIBC = "libc6-dev"
IMAGES = ("buildah", "debootstrap")  # the project's own images

PACKAGES = sorted({*_NEEDED.values(), *IMAGES, _LIBC, _SECCOMP})


def check() -> None:
    if os.geteuid() != 0:
        raise ClusterError("a cluster needs root (namespaces, cgroups, containerd): use sudo")
    if not shutil.which("go"):
        raise ClusterError(
            "go is not on the PATH: install Go 1.21 or newer (newer ones it fetches)"
        )
    missing = [package for program, package in _NEEDED.items() if not shutil.which(program)]
    if not missing and not _has_seccomp():
        missing = [_SECCOMP, _LIBC]
    if missing:
        line = "apt-get install -y --no-install-recommends"
        raise ClusterError(f"missing: {', '.join(missing)}; run: {line} {' '.join(PACKAGES)}")


def _has_seccomp() -> bool:
    asked = subprocess.run(["pkg-config", "--exists", "libseccomp"], check=False)
    return asked.returncode == 0


def unpack(package: str, into: Path) -> None:
    """A package's files, without installing it."""
    target = into / package
    if target.exists():
        return
    into.mkdir(parents=True, exist_ok=True)
    got = subprocess.run(
        ["apt-get", "download", package], cwd=into, check=False, capture_output=True, text=True
    )
    if got.returncode:
        raise ClusterError(f"cannot download {package}: {got.stderr.strip()} (run apt-get update)")
    fresh = into / f"{package}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    archive = next(into.glob(f"{package}_*.deb"))
    subprocess.run(["dpkg", "-x", str(archive), str(fresh)], check=True)
    fresh.rename(target)
    archive.unlink()
