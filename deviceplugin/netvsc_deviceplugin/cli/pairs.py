"""`netvsc pairs`: what this host has, what is excluded and why."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from netvsc.errors import NetvscError, RequestError
from netvsc.model.pair import Inventory
from netvsc.model.pool import BUILT_IN
from netvsc_deviceplugin import report
from netvsc_deviceplugin.inventory.match import Policy, match
from netvsc_deviceplugin.inventory.pool_file import read_pools
from netvsc_deviceplugin.inventory.scan import scan, scan_tree, source_of

_WRITERS = {"table": report.as_table, "json": report.as_json, "yaml": report.as_yaml}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", choices=sorted(_WRITERS), default="table", help="form (%(default)s)"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="pools (default: one, `pair`)")
    parser.add_argument(
        "--sysfs",
        type=Path,
        metavar="ROOT",
        help="read this /sys tree instead of the kernel; nothing is known of routes then",
    )
    add_sim(parser)


def add_sim(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sim",
        nargs="?",
        const="/sys",
        metavar="ROOT",
        help="simulation: link aliases stand for parents, and ROOT for /sys",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the inventory; returns the exit code, 0 also where there is no pair at all."""
    try:
        inventory = _inventory(arguments)
    except NetvscError as error:
        print(f"netvsc pairs: {error}", file=sys.stderr)
        return 1
    print(_WRITERS[arguments.output](inventory))
    return 0


def _inventory(arguments: argparse.Namespace) -> Inventory:
    pools = read_pools(arguments.config) if arguments.config else (BUILT_IN,)
    if arguments.sysfs is None:
        world, devices = scan(source_of(arguments.sim))
    else:
        _check_tree(arguments.sysfs)
        world, devices = scan_tree(arguments.sysfs)
        print(
            "netvsc pairs: warning: routes are not in /sys, so the node's uplink is not known "
            "and may be among these pairs",
            file=sys.stderr,
        )
    return match(world.links, devices, world.routes, Policy(pools=pools))


def _check_tree(root: Path) -> None:
    if not (root / "class/net").is_dir():
        raise RequestError(f"--sysfs {root}: has no class/net; name a folder that stands for /sys")
