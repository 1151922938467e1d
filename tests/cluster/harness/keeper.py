"""Whoever starts a cluster may be killed; the keeper then leaves no trace of it.

Run as `python -m cluster.harness.keeper NAME RELEASE GENERATION`: it reads a pipe that only the
owner of the cluster holds, and the kernel closes that pipe however the owner ends.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from cluster.harness import namespaces

if TYPE_CHECKING:
    from cluster.harness.layout import Layout


class Keeper:
    def __init__(self, layout: Layout, *, generation: str) -> None:
        self._process = subprocess.Popen(
            namespaces.python("keeper", layout.name, layout.release, generation),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C on the terminal is not meant for it
            env=namespaces.environment(),
        )

    def dismiss(self) -> None:
        self._process.communicate()


def main() -> None:
    from cluster.harness.cluster import Cluster  # noqa: PLC0415  it imports this module

    name, release, generation = sys.argv[1:4]
    sys.stdin.read()
    Cluster(name=name, release=release).down_if(generation=generation)


if __name__ == "__main__":
    main()
