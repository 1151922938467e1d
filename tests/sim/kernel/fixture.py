"""Modelled Azure hosts: reads a fixture and builds the /sys tree that it describes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sim.kernel.systree import PciFacts, SysTree

FOLDER = Path(__file__).parents[1] / "fixtures"
NAMES = tuple(sorted(path.stem[:3] for path in FOLDER.glob("f*.yaml")))

Fixture = Mapping[str, Any]  # the fixtures' own shape, fixtures/README.md


def load(name: str) -> Fixture:
    """Return the fixture `f07` (any unambiguous beginning), with the host of its `base`, if any."""
    (path,) = FOLDER.glob(f"{name}*.yaml")
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    if base := found.get("base"):
        host = load(Path(base).stem)
        found |= {key: host[key] for key in ("interfaces", "pci")}
    return found


def pci_facts(entry: Mapping[str, Any]) -> PciFacts:
    return PciFacts(
        address=entry["bdf"],
        driver=entry["driver"],
        numa=entry.get("numa", 0),
        verbs=tuple((rdma["uverbs"], rdma["name"]) for rdma in entry.get("rdma", ())),
    )


def build_devices(fixture: Fixture, root: Path) -> SysTree:
    """Build the devices alone, as netlink users read them."""
    tree = SysTree(root)
    for nic in fixture["interfaces"]:
        if nic["kind"] == "netvsc":
            tree.add_netvsc(nic["vmbus_guid"])
    for entry in fixture["pci"]:
        tree.add_pci(pci_facts(entry))
    return tree


def build_sys(fixture: Fixture, root: Path) -> SysTree:
    """Build devices and netdevs: all of /sys that `netvsc pairs --sysfs` reads."""
    tree = build_devices(fixture, root)
    shown = [nic for nic in fixture["interfaces"] if not nic.get("no_netdev")]
    for nic in shown:
        keys = {"address": "mac", "ifindex": "ifindex", "flags": "flags"}
        facts = {key: nic[source] for key, source in keys.items()}
        facts |= {"type": nic.get("type", 1), "mtu": nic.get("mtu", 1500)}
        device = None
        if nic["kind"] == "netvsc":
            device = tree.root / "bus/vmbus/devices" / nic["vmbus_guid"]
        elif nic["kind"] == "vf":
            device = tree.pci(nic["bdf"])
        tree.add_net(nic["name"], device=device and device.resolve(), facts=facts)
    for nic in shown:
        if nic.get("master"):
            tree.enslave(nic["name"], master=nic["master"])
    return tree
