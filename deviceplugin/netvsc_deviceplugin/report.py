"""An inventory as people and programs read it: a table, JSON, YAML."""

from __future__ import annotations

import json
from typing import TypedDict

import yaml

from netvsc.encoding.columns import columns
from netvsc.model.pair import Conflict, Exclusion, Inventory, Pair


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
