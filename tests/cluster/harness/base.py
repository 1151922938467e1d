"""The Debian that an image is collected from: of the packages that this machine's apt knows."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from cluster.harness.command import told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "localhost/netvsc-base"
_INCLUDED = "python3-venv"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_CANDIDATE = re.compile(r"^(\S+):\n  Installed: .*\n  Candidate: (\S+)$", re.MULTILINE)


def known(tool: list[str]) -> bool:
    return bool(told(*tool, "images", "--quiet", "--filter", f"reference={NAME}").strip())


def forget(tool: list[str]) -> None:
    if known(tool):
        told(*tool, "rmi", "--force", NAME)


def make(tool: list[str], root: Path) -> None:
    """debootstrap takes a release as it came out; apt adds what was mended since."""
    shutil.rmtree(root, ignore_errors=True)
    ask = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
    place = told(*ask).split()[0]
    checked = ["--force-check-gpg", f"--keyring={_KEYRING}"]
    include = ["--variant=minbase", f"--include={_INCLUDED}"]
    told("nice", "debootstrap", *checked, *include, "bookworm", str(root), place)
    _update(root)
    container = told(*tool, "from", "scratch").strip()
    told(*tool, "add", "--quiet", container, str(root), "/")
    told(*tool, "commit", "--quiet", "--rm", container, NAME)
    shutil.rmtree(root)


def _update(root: Path) -> None:
    show = ["-W", "-f", "${Package} ${Version}\\n"]
    has = dict(line.split() for line in told(*_dpkg(root), *show).splitlines())
    wanted = list(newer(has, told("apt-cache", "policy", *has, LC_ALL="C")))
    if not wanted:
        return
    folder = root / "var/cache/mended"
    folder.mkdir()
    told("env", f"--chdir={folder}", "apt-get", "download", "-qq", *wanted)
    names = [f"/var/cache/mended/{path.name}" for path in sorted(folder.iterdir())]
    told("chroot", str(root), "dpkg", "--install", *names, DEBIAN_FRONTEND="noninteractive")


def newer(has: dict[str, str], policy: str) -> Iterator[str]:
    """name=version of each package of which apt knows another version than the root has."""
    for name, candidate in _CANDIDATE.findall(policy):
        if name in has and candidate not in {has[name], "(none)"}:
            yield f"{name}={candidate}"


def _dpkg(root: Path) -> list[str]:
    return ["dpkg-query", f"--admindir={root}/var/lib/dpkg"]
