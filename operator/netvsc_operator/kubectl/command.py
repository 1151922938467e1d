"""The command: `kubectl netvsc status|pods|events|reannounce`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress

from netvsc.encoding.columns import shown
from netvsc.errors import NetvscError
from netvsc_operator.kubectl.options import parser as _parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, 1 if the apiserver refuses, 2 for usage."""
    arguments = _parser().parse_args(argv)
    # The client keeps keys in files while it runs, and removes them at an orderly end alone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    from netvsc_operator.kubectl.verbs import run  # noqa: PLC0415 (--help need not load the client)

    try:
        with suppress(KeyboardInterrupt):
            run(arguments)
    except NetvscError as error:
        print(f"kubectl netvsc: {shown(str(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
