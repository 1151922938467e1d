"""`netvsc-operator`: the cluster side as one program with several subcommands."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from netvsc import __version__

# Read when the library is imported: no second series for each counter.
os.environ.setdefault("PROMETHEUS_DISABLE_CREATED_SERIES", "True")

# Imported only when asked for: the webhook does not pay for the controller's libraries.
COMMANDS = {
    "controller": ("netvsc_operator.controller.command", "watch pools and nodes, tell people"),
    "webhook": ("netvsc_operator.webhook.command", "answer the apiserver's admission reviews"),
    "crds": ("netvsc_operator.crds", "install or print the CustomResourceDefinitions"),
    "uninstall-check": (
        "netvsc_operator.uninstall",
        "have every agent leave before the chart goes",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; returns its exit code, 2 for usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["--version"]:
        sys.stdout.write(f"{__version__}\n")
        return 0
    if words[:1] in (["-h"], ["--help"]):
        sys.stdout.write(_usage())
        return 0
    if not words or words[0] not in COMMANDS:
        sys.stderr.write(_usage())
        return 2
    module, _ = COMMANDS[words[0]]
    code: int = importlib.import_module(module).main(words[1:])
    return code


def _usage() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {what}" for name, (_, what) in COMMANDS.items()]
    return "usage: netvsc-operator COMMAND [--help]\n\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
