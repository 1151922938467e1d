"""Kubernetes and what it stands on, built once and kept until a recipe changes."""

from __future__ import annotations

import fcntl
import os
import subprocess
from typing import TYPE_CHECKING

from cluster.harness import config, packages
from cluster.harness.errors import ClusterError
from cluster.harness.images import Link, Start, archive, libraries
from cluster.harness.recipes import recipes

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.harness.images import Content
    from cluster.harness.layout import Layout
    from cluster.harness.recipes import Recipe

PROGRAMS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
)


def everything(layout: Layout) -> None:
    """Build what is not built yet. Two runs at once take turns."""
    packages.check()
    layout.home.mkdir(parents=True, exist_ok=True)
    with (layout.home / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for recipe in recipes(layout):
            _build(recipe, stamps=layout.home / "stamps")
        for program in PROGRAMS:
            link = layout.kubernetes / program
            if not link.is_symlink():
                link.symlink_to("kubernetes")
        packages.unpack("busybox", layout.packages)


def _build(recipe: Recipe, *, stamps: Path) -> None:
    stamp = stamps / recipe.name
    if stamp.exists() and stamp.read_text() == recipe.key:
        return
    print(f"cluster: building {recipe.name} (once; kept in {recipe.folder})", flush=True)
    recipe.folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        recipe.argv,
        cwd=recipe.module,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"CGO_ENABLED": str(int(recipe.cgo)), "GOWORK": "off"},
    )
    if done.returncode:
        raise ClusterError(f"building {recipe.name} failed:\n{done.stdout[-4000:]}")
    stamps.mkdir(exist_ok=True)
    stamp.write_text(recipe.key)


def base_images(layout: Layout) -> list[bytes]:
    """The pod sandbox's image, and one with the usual small tools."""
    busybox = layout.packages / "busybox/bin/busybox"
    program: dict[str, Content] = {"/bin/busybox": busybox, **libraries(busybox)}
    known = subprocess.run([str(busybox), "--list"], check=True, capture_output=True, text=True)
    names = set(known.stdout.split()) - {"busybox"}
    links: dict[str, Content] = {f"/bin/{name}": Link("busybox") for name in names}
    users: dict[str, Content] = {"/etc/passwd": b"root:x:0:0:root:/:/bin/sh\n"}
    pause = Start(entrypoint=("/bin/busybox", "sleep", "infinity"))
    return [
        archive(config.PAUSE_IMAGE, program, start=pause),
        archive(config.TOOLS_IMAGE, program | links | users),
    ]
