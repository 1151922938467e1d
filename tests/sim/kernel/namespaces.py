"""Runs a program in namespaces of its own, so that no test touches the machine's network.

As root a network and a mount namespace do; anybody else needs a user namespace around them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

_INSIDE = "NETVSC_SIM_NAMESPACES"
_SETTLE = 'mount -t tmpfs sim /run && mkdir /run/netns && ip link set lo up && exec "$@"'


def inside() -> bool:
    return os.environ.get(_INSIDE) == "1"


def is_real_root() -> bool:
    """Tell whether uid 0 here is uid 0 of the machine, with every other user beside it."""
    mapped = Path("/proc/self/uid_map").read_text().split()
    return os.geteuid() == 0 and mapped == ["0", "0", str(2**32 - 1)]


def _unshare() -> list[str]:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *user, "--net", "--mount", "--propagation", "private"]


def refusal() -> str | None:
    """Return why namespaces are not to be had here, with the remedy; None if they are."""
    tried = subprocess.run([*_unshare(), "--", "true"], capture_output=True, text=True, check=False)
    if tried.returncode == 0:
        return None
    return (
        f"this user may not make namespaces ({tried.stderr.strip()}): run the same command with "
        "sudo, or allow them (Ubuntu 24.04: sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
    )


def enter(command: list[str]) -> NoReturn:
    """Replace this process by `command` in namespaces of its own; exits 1 where they are refused.

    Inside, /run is private (ip-netns keeps its names there) and the loopback is up.
    """
    if reason := refusal():
        sys.exit(f"netvsc sim: {reason}")
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", [*_unshare(), "--", "sh", "-c", _SETTLE, "sh", *command])  # noqa: S606
