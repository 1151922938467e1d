"""What a run as `served` or `chained` left on a node whose agent is now started as `off`.

Our entry in the runtime's list would let every pod wait for an agent that does not answer, and the
DEL of a pod that has a pair would fail for ever: so such a run is ended as an uninstallation is.
"""

from __future__ import annotations

from pathlib import Path

from netvsc_deviceplugin.cni.attach.checkpoint import CheckpointStore
from netvsc_deviceplugin.cni.chain.conflist import TYPE


def exist(conf: Path, plugins: Path, *, state: Path) -> bool:
    """Tell whether there is anything to leave, in folders that are mounted.

    What we may not look into (buildah makes /etc/cni for root alone) we have not written either.
    """
    try:
        if not conf.is_dir() or not plugins.is_dir():
            return False
        return (plugins / TYPE).exists() or _listed(conf) or bool(CheckpointStore(state).pods())
    except OSError:
        return False


def _listed(conf: Path) -> bool:
    return any(_names_us(file) for file in conf.glob("*.conflist"))


def _names_us(file: Path) -> bool:
    try:
        return TYPE.encode() in file.read_bytes()
    except OSError:  # its owner has just removed it, or keeps it from us
        return False
