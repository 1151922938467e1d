# ruff: noqa: INP001, T201 (a script that tells what it finds)
"""What `helm test` runs in a pod that asked for a pair; prints each step, exits 1 at the first lie.

Words before `--`: what must hold here, `moved` (CNI) and `injected` (webhook). Behind it stand the
arguments that the webhook put there for an EAL.
"""

from __future__ import annotations

import json
import os
import select
import stat
import sys
from pathlib import Path

PIPE = 200
PATIENCE_MS = 20_000


def main(words: list[str]) -> None:
    wanted, _, arguments = " ".join(words).partition("--")
    [pair] = json.loads(os.environ["NETVSC_PAIRS"])
    print(f"given: {pair['id']} of pool {pair['pool']}, VF {pair['pci']}")
    if "moved" in wanted:
        print(f"inside: {', '.join(_netdevs(pair['mac']))}")
    if "injected" in wanted:
        _injected(arguments, vf=pair["pci"] is not None)


def _netdevs(mac: str) -> list[str]:
    every = {path.name: (path / "address").read_text().strip() for path in _links()}
    return [name for name, found in every.items() if found == mac] or sys.exit(
        f"no netdev of {mac} in this pod: it has {every}"
    )


def _links() -> list[Path]:
    return sorted(Path("/sys/class/net").iterdir())


def _injected(arguments: str, *, vf: bool) -> None:
    if "net_failsafe_vsc00" not in arguments:
        sys.exit(f"no fail-safe port among the arguments: {arguments!r}")
    print(f"arguments: {arguments.strip()}")
    if not stat.S_ISFIFO(os.fstat(PIPE).st_mode):
        sys.exit(f"descriptor {PIPE} is no pipe")
    if vf:
        print(f"announced: {_line()}")


def _line() -> str:
    """Read as fail-safe does: the last line counts, an empty one says that there is no VF."""
    os.set_blocking(PIPE, False)
    waiting = select.poll()
    waiting.register(PIPE, select.POLLIN)
    while waiting.poll(PATIENCE_MS):
        last = os.read(PIPE, 4096).decode().rstrip("\n").rpartition("\n")[2]
        if last:
            return last
    sys.exit(f"no VF was announced within {PATIENCE_MS // 1000} s")


if __name__ == "__main__":
    main(sys.argv[1:])
