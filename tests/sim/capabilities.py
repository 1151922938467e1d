"""What the chart lets the agent do, and a program that may do just that."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import yaml

_CHART = Path(__file__).parents[2] / "charts/netvsc-operator"
_DAEMONSET = _CHART / "templates/deviceplugin/daemonset.yaml"


def of_the_chart() -> tuple[str, ...]:
    """Return the capabilities that the chart adds to the agent's container, without helm."""
    text = _DAEMONSET.read_text()
    _, _, after = text.partition("capabilities:\n")
    lines = after.splitlines()
    width = len(lines[0]) - len(lines[0].lstrip())
    block = [line for line in lines if len(line) - len(line.lstrip()) >= width]
    found = yaml.safe_load("\n".join(block[: _end(lines, width)]))
    return tuple(found["add"])


def _end(lines: list[str], width: int) -> int:
    ends = (i for i, line in enumerate(lines) if len(line) - len(line.lstrip()) < width)
    return next(ends, len(lines))


def limited(capabilities: Collection[str]) -> list[str]:
    """Return a command that starts a program as root of a container with these alone."""
    kept = "".join(f",+{name.lower()}" for name in capabilities)
    sets = [f"--bounding-set=-all{kept}", "--inh-caps=-all", "--ambient-caps=-all"]
    return ["setpriv", *sets, "--no-new-privs"]


def mask(capabilities: Collection[str]) -> int:
    """Return them as /proc/PID/status writes them (include/uapi/linux/capability.h)."""
    return sum(1 << _NUMBERS[name] for name in capabilities)


_NUMBERS = {"NET_BROADCAST": 11, "NET_ADMIN": 12, "SYS_ADMIN": 21}
