"""`python -m supply_chain sbom|licences`: of the images that were built last.

sbom      writes NAME.cdx.json beside each archive, and prints where
licences  writes docs/licences.md
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.harness import project
from cluster.harness.command import told
from cluster.harness.layout import layout
from supply_chain import archive, licences
from supply_chain.bom import Subject, document, faults
from supply_chain.parts import canonical, parts

if TYPE_CHECKING:
    from supply_chain.archive import Image
    from supply_chain.parts import Part

NAMES = {"agent": "netvsc-operator", "fdpipe": "fdpipe"}
PAGE = project.ROOT / "docs/licences.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m supply_chain", description=__doc__)
    parser.add_argument("verb", choices=["sbom", "licences"])
    parser.add_argument("--images", default=layout("images").images, type=Path, help="their folder")
    parser.add_argument("--page", default=PAGE, type=Path, help="where licences writes to")
    asked = parser.parse_args()
    if asked.verb == "sbom":
        return max(_write_sbom(asked.images, target) for target in NAMES)
    of = {target: _parts(archive.read(asked.images / f"{target}.tar")) for target in NAMES}
    asked.page.write_text(licences.page(of["agent"], of["fdpipe"]))
    return 0


def _write_sbom(folder: Path, target: str) -> int:
    image = archive.read(folder / f"{target}.tar")
    subject = Subject(
        name=NAMES[target],
        version=_version(),
        digest=image.digest,
        commit=_commit(),
        epoch=project.epoch(),
    )
    text = document(subject, _parts(image))
    for fault in (against := faults(text)):
        print(f"{target}: {fault}", file=sys.stderr)
    written = folder / f"{target}.cdx.json"
    written.write_text(text)
    print(written)
    return int(bool(against))


def _commit() -> str:
    """With `-dirty` at its end if the tree had changes."""
    describe = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    return told("git", "-C", str(project.ROOT), *describe).strip()


def _parts(image: Image) -> list[Part]:
    return parts(image.files, wheels=_wheels(), version=_version())


def _wheels() -> dict[str, str]:
    """SHA-256 of each distribution's wheel, as they were installed."""
    return {
        canonical(path.name.partition("-")[0]): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (project.ROOT / "build/wheels").glob("*.whl")
    }


def _version() -> str:
    text = (project.ROOT / "pyproject.toml").read_text()
    [version] = re.findall(r'^version = "(.+)"$', text, re.MULTILINE)
    return str(version)


if __name__ == "__main__":
    sys.exit(main())
