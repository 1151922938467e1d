"""The project's own images, built by buildah as its Dockerfile says, without a network.

What the build needs is made first: a base from Debian's packages, and the wheels of the lock file.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.harness import packages
from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from cluster.harness.layout import Layout

ROOT = Path(__file__).resolve().parents[3]
EXTRAS = "deviceplugin,operator"
_WHEELS = ROOT / "build/wheels"
_BASE = "localhost/netvsc-base"
_INCLUDED = "python3-venv"


def image(layout: Layout, target: str, name: str) -> bytes:
    """One target of the Dockerfile as an archive that containerd imports."""
    tool = _buildah(layout)
    program("fdpipe")
    if not _run(*tool, "images", "--quiet", "--filter", f"reference={_BASE}").strip():
        _make_base(layout, tool)
    wheels()
    options = ["--isolation=chroot", "--pull-never"]
    chosen = [f"--build-arg=BASE={_BASE}", f"--target={target}", f"--tag={name}"]
    _run(*tool, "build", *options, *chosen, str(ROOT))
    packed = layout.images / f"{target}.tar"
    packed.parent.mkdir(parents=True, exist_ok=True)
    packed.unlink(missing_ok=True)
    _run(*tool, "push", name, f"docker-archive:{packed}:{name}")
    return packed.read_bytes()


def program(name: str) -> Path:
    """One of fdpipe's builds."""
    built = ROOT / "fdpipe/build" / name
    if not built.exists():
        raise ClusterError(f"{built} is not built: run make fdpipe")
    return built


def contents(layout: Layout, target: str) -> dict[str, int]:
    """The files of an image that was built, with their sizes."""
    found: dict[str, int] = {}
    with tarfile.open(layout.images / f"{target}.tar") as outer:
        for layer in (entry for entry in outer if entry.name.endswith(".tar") and entry.isfile()):
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                found |= {entry.name: entry.size for entry in inner if entry.isfile()}
    return found


def wheels() -> None:
    """Every wheel the image installs: the versions are the lock file's."""
    _WHEELS.mkdir(parents=True, exist_ok=True)
    pins = re.findall(
        r"^([\w.-]+==[^\s\\;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    constraints = _WHEELS.parent / "constraints.txt"
    constraints.write_text("\n".join(pins) + "\n")
    for old in _WHEELS.glob("netvsc_operator-*.whl"):
        old.unlink()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--quiet"]
    _run(*pip, "wheel", *offline, "--wheel-dir", str(_WHEELS), str(ROOT))
    [project] = _WHEELS.glob("netvsc_operator-*.whl")
    wanted = [
        "--dest",
        str(_WHEELS),
        "--only-binary=:all:",
        "--find-links",
        str(_WHEELS),
        "--quiet",
    ]
    _run(*pip, "download", *wanted, "--constraint", str(constraints), f"{project}[{EXTRAS}]")


def _make_base(layout: Layout, tool: list[str]) -> None:
    """A Debian from the packages that this machine's apt knows."""
    root = layout.home / "base"
    shutil.rmtree(root, ignore_errors=True)
    ask = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
    place = _run(*ask).split()[0]
    include = ["--variant=minbase", f"--include={_INCLUDED}"]
    _run("nice", "debootstrap", *include, "bookworm", str(root), place)
    container = _run(*tool, "from", "scratch").strip()
    _run(*tool, "add", "--quiet", container, str(root), "/")
    _run(*tool, "commit", "--quiet", "--rm", container, _BASE)
    shutil.rmtree(root)


def _buildah(layout: Layout) -> list[str]:
    for needed in packages.IMAGES:
        if not shutil.which(needed):
            line = f"apt-get install -y --no-install-recommends {' '.join(packages.IMAGES)}"
            raise ClusterError(f"{needed} is not on the PATH: run {line}")
    store = layout.home / "buildah"
    places = [f"--root={store}/root", f"--runroot={store}/run", "--storage-driver=overlay"]
    # Its mounts end with each call, and a build that wants a network fails: it has none.
    return ["unshare", "--mount", "--net", "buildah", *places]


def _run(*argv: str) -> str:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        told = (done.stdout + done.stderr)[-3000:]
        raise ClusterError(f"{' '.join(argv)}: exit code {done.returncode}:\n{told}")
    return done.stdout
