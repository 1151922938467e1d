"""What must lie beside a static fdpipe: whose code is linked into it, and under which licence.

The C library in it is this machine's musl. An image tells of it where it tells of all packages:
a paragraph of dpkg's status and a copyright file.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from cluster.harness.command import told
from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from pathlib import Path

MUSL = "musl-dev"
_BUDGET = 65536  # fdpipe/Makefile's, which a C library other than musl exceeds tenfold


def collect(root: Path, *, docs: Path) -> None:
    """build/notices anew; `docs` is where this machine keeps its packages' copyright files."""
    program = root / "fdpipe/build/fdpipe"
    if program.stat().st_size > _BUDGET:
        raise ClusterError(
            f"{program} has over {_BUDGET} bytes, so it was not built with musl: install"
            " musl-tools, then make -C fdpipe clean and make fdpipe"
        )
    folder = root / "build/notices"
    shutil.rmtree(folder, ignore_errors=True)
    _write(folder / "var/lib/dpkg/status.d" / MUSL, told("dpkg-query", "--status", MUSL))
    _write(folder / "usr/share/doc" / MUSL / "copyright", (docs / MUSL / "copyright").read_text())
    _write(folder / "usr/share/doc/netvsc-operator/copyright", (root / "LICENSE").read_text())
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
