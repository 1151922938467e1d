"""The command `netvsc`: each verb's code comes with its extra and is imported when needed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from netvsc import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0 done, 1 it could not be done, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="netvsc", description="NetVSC+VF pairs for DPDK pods on Azure accelerated networking."
    )
    parser.add_argument("--version", action="version", version=f"netvsc {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    pairs_parser = verbs.add_parser("pairs", help="what this host has, what is excluded and why")
    try:
        from netvsc_deviceplugin import pairs  # noqa: PLC0415 - by extra
    except ImportError as error:
        print(
            f"netvsc pairs needs {error.name}: pip install 'netvsc-operator[deviceplugin]'",
            file=sys.stderr,
        )
        return 1
    pairs.add_arguments(pairs_parser)
    return pairs.run(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
