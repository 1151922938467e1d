"""The project's own images, built by buildah as its Dockerfile says, without a network.

What the build needs is made first: a base from Debian's packages, the wheels of the lock file, and
the notices of what is linked into fdpipe. The same commit, packages and wheels give the same image.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.harness import base, notices, packages, wheels
from cluster.harness.command import told
from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.harness.layout import Layout

ROOT = Path(__file__).resolve().parents[3]
EXTRAS = "deviceplugin,operator"


def image(layout: Layout, target: str, name: str, *, root: Path = ROOT) -> bytes:
    """One target of the Dockerfile as an archive that containerd imports."""
    packed = archive(layout, target)
    program("fdpipe", root=root)
    with _alone(layout):
        tool = _buildah(layout)
        notices.collect(root, docs=Path("/usr/share/doc"))
        if target == "agent":
            _prepare(layout, tool, root)
        # The label would name buildah's version, which is no part of what was built.
        options = ["--isolation=chroot", "--pull-never", "--identity-label=false"]
        chosen = [f"--build-arg=BASE={base.NAME}", f"--target={target}", f"--tag={name}"]
        told(*tool, "build", f"--timestamp={epoch(root)}", *options, *chosen, str(root))
        packed.parent.mkdir(parents=True, exist_ok=True)
        packed.unlink(missing_ok=True)
        told(*tool, "push", name, f"docker-archive:{packed}:{name}")
        told(*tool, "rmi", "--prune")
        return packed.read_bytes()


def forget_base(layout: Layout) -> None:
    """The next image stands on a Debian of its day: what is released should."""
    with _alone(layout):
        base.forget(_buildah(layout))


def _prepare(layout: Layout, tool: list[str], root: Path) -> None:
    if not base.known(tool):
        base.make(tool, layout.home / "base")
    wheels.collect(root, EXTRAS, epoch=epoch(root))


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """build/ and the archives are one for all runs on this machine: they take turns."""
    layout.home.mkdir(parents=True, exist_ok=True)
    with (layout.home / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def epoch(root: Path = ROOT) -> int:
    """The time that everything in an image bears: the last commit's, or SOURCE_DATE_EPOCH."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    if not (root / ".git").exists():
        raise ClusterError(
            f"{root} is no git repository, so no commit tells what time the images should bear:"
            " set SOURCE_DATE_EPOCH to its seconds since 1970"
        )
    return int(told("git", "-C", str(root), "log", "-1", "--format=%ct"))


def archive(layout: Layout, target: str) -> Path:
    return layout.images / f"{target}.tar"


def identity(packed: Path) -> str:
    """An image's ID: the digest of its configuration, which names its layers' uncompressed ones."""
    with tarfile.open(packed) as opened:
        content = opened.extractfile("manifest.json")
        assert content is not None
        [manifest] = json.load(content)
    return "sha256:" + str(manifest["Config"]).removesuffix(".json")


def program(name: str, *, root: Path = ROOT) -> Path:
    """One of fdpipe's builds."""
    built = root / "fdpipe/build" / name
    if not built.exists():
        raise ClusterError(f"{built} is not built: run make fdpipe")
    return built


def contents(layout: Layout, target: str) -> dict[str, int]:
    """The files of an image that was built, with their sizes."""
    found: dict[str, int] = {}
    with tarfile.open(archive(layout, target)) as outer:
        for layer in (entry for entry in outer if entry.name.endswith(".tar") and entry.isfile()):
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                found |= {entry.name: entry.size for entry in inner if entry.isfile()}
    return found


def _buildah(layout: Layout) -> list[str]:
    for needed in packages.IMAGES:
        if not shutil.which(needed):
            line = f"apt-get install -y --no-install-recommends {' '.join(packages.IMAGES)}"
            raise ClusterError(f"{needed} is not on the PATH: run {line}")
    store = layout.home / "buildah"
    places = [f"--root={store}/root", f"--runroot={store}/run", "--storage-driver=overlay"]
    # Its mounts end with each call, and a build that wants a network fails: it has none.
    alone = ["env", f"CONTAINERS_CONF={containers_conf(store)}", "unshare", "--mount", "--net"]
    return [*alone, "buildah", *places]


def containers_conf(store: Path) -> Path:
    """Let buildah keep its networks below `store`: by itself it makes /etc/cni, the machine's."""
    store.mkdir(parents=True, exist_ok=True)
    file = store / "containers.conf"
    file.write_text(f'[network]\nnetwork_config_dir = "{store}/networks"\n')
    return file
