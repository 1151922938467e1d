"""What the set-up left on this machine, by name."""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

from sim.sidecar.fdpipe import binary

HERE = Path(__file__).parent


@functools.cache
def cache() -> Path:
    """Return the folder of the set-up, made complete."""
    made = subprocess.run(
        [HERE / "setup.sh"], stdout=subprocess.PIPE, text=True, check=False, env=os.environ
    )
    if made.returncode:
        raise RuntimeError(f"tests/dpdk/setup.sh ended with {made.returncode}: see above")
    return Path(made.stdout.strip().splitlines()[-1])


def guard() -> Path:
    return binary("guard.so")
