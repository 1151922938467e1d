"""`netvsc-deviceplugin cni uninstall`: leave the chain once no pod has a pair any more."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from netvsc.errors import NetvscError, NodeError
from netvsc_deviceplugin.cni.attach.checkpoint import CheckpointStore
from netvsc_deviceplugin.cni.chain import conflist_files, plugin_binary
from netvsc_deviceplugin.cni.chain.manager import SETTLE_S


def main(argv: Sequence[str], *, settle_s: float = SETTLE_S) -> int:
    """Return 0 when nothing of us is left, 1 with the reason on stderr."""
    arguments = _parser().parse_args(argv)
    try:
        _refuse_while_held(CheckpointStore(arguments.state))
        conflist_files.leave(arguments.cni_conf)
        time.sleep(settle_s)
        plugin_binary.remove(arguments.cni_bin)
    except (NetvscError, OSError) as error:
        sys.stderr.write(f"netvsc-deviceplugin cni uninstall: {error}\n")
        return 1
    return 0


def _refuse_while_held(checkpoints: CheckpointStore) -> None:
    """Our DEL must come as long as a pair is out: the runtime goes by the list of now."""
    if pods := checkpoints.pods():
        raise NodeError(f"pods still have pairs: {', '.join(pods)}; delete or drain them first")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="netvsc-deviceplugin cni")
    parser.add_argument("verb", choices=["uninstall"])
    for name, default in (
        ("--cni-conf", "/etc/cni/net.d"),
        ("--cni-bin", "/opt/cni/bin"),
        ("--state", "/run/netvsc"),
    ):
        parser.add_argument(name, type=Path, default=Path(default), metavar="FOLDER")
    return parser
