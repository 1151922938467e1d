"""`netvsc pairs`: what this host has, what is excluded and why."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TypedDict

import yaml

from netvsc.encoding.columns import columns
from netvsc.errors import NetvscError, RequestError
from netvsc.model.pair import Conflict, Exclusion, Inventory, Pair
from netvsc.model.pool import BUILT_IN
from netvsc_deviceplugin.inventory.match import Policy, inventory_of
from netvsc_deviceplugin.inventory.pool_file import read_pools
from netvsc_deviceplugin.inventory.scan import scan, scan_tree, source_of


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
        network, devices = scan(source_of(arguments.sim))
    else:
        _check_tree(arguments.sysfs)
        network, devices = scan_tree(arguments.sysfs)
        print(
            "netvsc pairs: warning: routes are not in /sys, so the node's uplink is not known "
            "and may be among these pairs",
            file=sys.stderr,
        )
    return inventory_of(network.links, devices, network.routes, Policy(pools=pools))


def _check_tree(root: Path) -> None:
    if not (root / "class/net").is_dir():
        raise RequestError(f"--sysfs {root}: has no class/net; name a folder that stands for /sys")


class VfReport(TypedDict):
    interface: str
    pci: str
    driver: str | None
    verbs: list[str]


class PairReport(TypedDict):
    id: str
    mac: str
    netvsc: str
    netns: str | None
    vmbus: str | None
    pool: str
    numaNode: int | None
    path: str
    uplink: str
    vf: VfReport | None


class InventoryReport(TypedDict):
    pairs: list[PairReport]
    excluded: list[dict[str, str]]
    conflicts: list[dict[str, str]]


def report(inventory: Inventory) -> InventoryReport:
    """Return the inventory as plain data; the keys are a contract (docs/pairs.md)."""
    return {
        "pairs": [_pair(pair) for pair in inventory.pairs],
        "excluded": [_reason(item) for item in inventory.excluded],
        "conflicts": [_reason(item) for item in inventory.conflicts],
    }


def as_json(inventory: Inventory) -> str:
    return json.dumps(report(inventory), indent=2)


def as_yaml(inventory: Inventory) -> str:
    text: str = yaml.safe_dump(report(inventory), sort_keys=False).rstrip()
    return text


def as_table(inventory: Inventory) -> str:
    """Return what a person wants to see first: pairs, then what is missing from them and why."""
    parts = []
    if inventory.pairs:
        head = ("NETVSC", "ID", "POOL", "PATH", "VF", "PCI", "DRIVER", "NUMA")
        parts.append(columns([head, *(_row(pair) for pair in inventory.pairs)]))
    else:
        parts.append("No pair is offered on this host.")
    if not (inventory.pairs or inventory.excluded or inventory.conflicts):
        parts = ["This host has no NetVSC: no pair, nothing excluded."]
    for title, items in (("EXCLUDED", inventory.excluded), ("CONFLICT", inventory.conflicts)):
        if items:
            rows = [(item.interface, item.reason, item.message) for item in items]
            parts.append(columns([(title, "REASON", "MESSAGE"), *rows]))
    return "\n\n".join(parts)


def _pair(pair: Pair) -> PairReport:
    vf: VfReport | None = None
    if pair.vf:
        vf = {
            "interface": pair.vf.interface,
            "pci": pair.vf.pci,
            "driver": pair.vf.driver,
            "verbs": list(pair.vf.verbs),
        }
    return {
        "id": pair.id,
        "mac": pair.mac,
        "netvsc": pair.netvsc,
        "netns": pair.netns,
        "vmbus": pair.vmbus,
        "pool": pair.pool,
        "numaNode": pair.numa_node,
        "path": pair.path.value,
        "uplink": pair.uplink.value,
        "vf": vf,
    }


def _reason(item: Exclusion | Conflict) -> dict[str, str]:
    return {
        "interface": item.interface,
        "reason": item.reason.value,
        "message": item.message,
    }


def _row(pair: Pair) -> tuple[str, ...]:
    vf = pair.vf
    numa = "-" if pair.numa_node is None else str(pair.numa_node)
    shown = (vf.interface, vf.pci, vf.driver or "none bound") if vf else ("-", "-", "-")
    return (pair.netvsc, pair.id, pair.pool, pair.path, *shown, numa)


_WRITERS = {"table": as_table, "json": as_json, "yaml": as_yaml}
