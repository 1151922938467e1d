"""A program that must succeed, and what it said."""

from __future__ import annotations

import os
import subprocess

from cluster.harness.errors import ClusterError


def told(*argv: str, **environment: str) -> str:
    done = subprocess.run(
        argv, check=False, capture_output=True, text=True, env=os.environ | environment
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-3000:]
        raise ClusterError(f"{' '.join(argv)}: exit code {done.returncode}:\n{said}")
    return done.stdout
