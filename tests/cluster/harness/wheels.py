"""The wheels of an image: the versions and the bytes that the lock file names, and no others."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from typing import TYPE_CHECKING

from cluster.harness.command import told
from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_OURS = "netvsc_operator-*.whl"
_PIN = re.compile(r"^([\w.-]+==[^\s\\;]+)", re.MULTILINE)


def collect(root: Path, extras: str, *, epoch: int) -> None:
    """build/wheels anew; what lay there serves as a cache, and believed as little as an index."""
    kept, fresh = root / "build/wheels", root / "build/wheels.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    lock = (root / "requirements.lock").read_text()
    constraints = root / "build/constraints.txt"
    constraints.write_text("\n".join(_PIN.findall(lock)) + "\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-build-isolation", "--wheel-dir", str(fresh)]
    told(*pip, "wheel", *offline, str(root), SOURCE_DATE_EPOCH=str(epoch))
    [project] = fresh.glob(_OURS)
    cache = [f"--find-links={kept}"] if kept.is_dir() else []
    chosen = ["--only-binary=:all:", *cache, "--constraint", str(constraints)]
    told(*pip, "download", *chosen, "--dest", str(fresh), f"{project}[{extras}]")
    check((path for path in fresh.glob("*.whl") if path != project), lock)
    shutil.rmtree(kept, ignore_errors=True)
    fresh.rename(kept)


def check(wheels: Iterable[Path], lock: str) -> None:
    """pip compares a download with what its index says; this compares with what was reviewed."""
    for wheel in sorted(wheels):
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if f"--hash=sha256:{digest}" not in lock:
            raise ClusterError(
                f"{wheel.name} with SHA-256 {digest} is not what requirements.lock names:"
                f" remove {wheel.parent.with_name('wheels')}; if it comes back, distrust the index"
            )
