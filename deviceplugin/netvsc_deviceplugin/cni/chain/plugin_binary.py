"""The shim in the runtime's folder of plugins."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from netvsc.errors import NodeError
from netvsc.host import atomic_file
from netvsc_deviceplugin.cni.chain.conflist import TYPE

log = logging.getLogger(__name__)


def install(shim: Path, folder: Path) -> None:
    """Put the program in place unless the same one is there; raises NodeError."""
    target = folder / TYPE
    try:
        if not _same(shim, target):
            # After a crash of the machine it is compared, and copied again if need be.
            with atomic_file.replacing(target, durable=False) as out:
                os.fchmod(out.fileno(), 0o755)
                out.write(shim.read_bytes())
            log.info("installed %s", target)
    except OSError as error:
        raise NodeError(
            f"cannot install {shim} as {target}: {error.strerror}; mount the runtime's folder of "
            "plugins there, writable"
        ) from error


def remove(folder: Path) -> None:
    """Remove the program, once the runtime has read its lists anew; raises NodeError."""
    target = folder / TYPE
    try:
        if target.exists():
            target.unlink()
            log.info("removed %s", target)
    except OSError as error:
        raise NodeError(
            f"cannot remove {target}: {error.strerror}; mount the folder writable"
        ) from error


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and os.access(other, os.X_OK) and one.read_bytes() == other.read_bytes()
