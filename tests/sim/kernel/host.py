"""A live Azure host: veths in a network namespace of its own, and the /sys tree beside them.

    with Host.from_fixture("f02") as host:
        host.revoke("eth1")
        host.give("eth1", pci="9b33:00:03.0", transient="eth3")

The far end of each veth is in the namespace `<netns>-wire`: what the host sends comes out there.
A revocation and a return follow the order of events on Azure (docs/simulator.md).
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from sim.kernel import fixture
from sim.kernel.rtnl import Rtnl
from sim.kernel.systree import PciFacts, SysTree

_serial = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimVf:
    """A VF as it is, or as it was when it left."""

    name: str
    facts: PciFacts


@dataclass(slots=True, kw_only=True)
class SimNic:
    """A NetVSC with the VF it has (`present`) or had."""

    name: str
    mac: str
    guid: str
    vf: SimVf | None = None
    present: bool = False


class Host:
    """One simulated host; a context manager that leaves nothing behind."""

    def __init__(self, name: str | None = None) -> None:
        self.netns = name or f"sim-{os.getpid()}-{next(_serial)}"
        self.wire = f"{self.netns}-wire"
        self.nics: dict[str, SimNic] = {}
        self.usable_at = 0  # nanoseconds of CLOCK_MONOTONIC, when the last VF joined
        self._wires = itertools.count(1)
        with ExitStack() as stack:
            self._folder = Path(tempfile.mkdtemp(prefix="netvsc-sim-"))
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self.tree = SysTree(self._folder / "sys")
            for space in (self.netns, self.wire):
                subprocess.run(["ip", "netns", "add", space], check=True)
                stack.callback(subprocess.run, ["ip", "netns", "del", space], check=True)
            self.ip = stack.enter_context(Rtnl(self.netns))
            self._wire_ip = stack.enter_context(Rtnl(self.wire))
            self.ip.up(1)
            self._stack = stack.pop_all()

    @classmethod
    def from_fixture(cls, name: str, *, with_vfs: bool = True) -> Self:
        """Build the host of a fixture; without `with_vfs` as at boot, before any VF has come."""
        host = cls()
        try:
            host._build(fixture.load(name), with_vfs=with_vfs)
        except BaseException:
            host.close()
            raise
        return host

    @property
    def sysfs(self) -> Path:
        return self.tree.root

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()

    def _build(self, host: fixture.Fixture, *, with_vfs: bool) -> None:
        facts = {entry["bdf"]: fixture.pci_facts(entry) for entry in host["pci"]}
        for nic in host["interfaces"]:
            if nic["kind"] == "netvsc" and not nic.get("no_netdev"):
                self.add_netvsc(nic["name"], mac=nic["mac"], guid=nic["vmbus_guid"])
                self._address(nic)
        for nic in host["interfaces"]:
            if nic["kind"] != "vf" or nic.get("type", 1) != 1:
                continue
            if nic.get("master"):
                known = SimVf(name=nic["name"], facts=facts[nic["bdf"]])
                self.nics[nic["master"]].vf = known
                if with_vfs:
                    self.give(nic["master"])
            else:
                self.tree.add_pci(facts[nic["bdf"]])
                self.add_link(nic["name"], mac=nic["mac"], alias=f"sim:pci:{nic['bdf']}")

    def _address(self, nic: Any) -> None:
        index = self.ip.index(nic["name"])
        for address in nic.get("ipv4", ()):
            self.ip.add_address(index, address)
        for route in nic.get("routes", ()):
            self.ip.add_default_route(index, via=route["via"])

    def add_link(self, name: str, *, mac: str, alias: str | None = None) -> int:
        """Add a netdev that is up, its far end in the wire namespace; returns its ifindex."""
        peer = f"w{next(self._wires)}"
        index = self.ip.add_veth(name, mac=mac, peer=peer, peer_netns=self.wire)
        if alias:
            self.ip.set_alias(index, alias)
        self._wire_ip.up(self._wire_ip.index(peer))
        self.ip.up(index)
        return index

    def add_netvsc(self, name: str, *, mac: str, guid: str) -> int:
        self.tree.add_netvsc(guid)
        self.nics[name] = SimNic(name=name, mac=mac, guid=guid)
        return self.add_link(name, mac=mac, alias=f"sim:vmbus:{guid}")

    def revoke(self, netvsc: str) -> int:
        """Take the VF away: first the join, then the netdev, then its PCI function.

        Returns when the first of it happened, in nanoseconds of CLOCK_MONOTONIC.
        """
        nic = self.nics[netvsc]
        vf = self._vf(netvsc)
        index = self.ip.index(vf.name)
        began = time.monotonic_ns()
        self.ip.set_alias(index, f"sim:pci:{vf.facts.address}")
        self.ip.delete(index)
        nic.present = False
        if not self._shared(vf.facts.address):
            self.tree.remove_pci(vf.facts.address)
        return began

    def vanish(self, netvsc: str) -> None:
        """Take the netdev away in one message, as a surprise removal does."""
        nic = self.nics[netvsc]
        vf = self._vf(netvsc)
        self.ip.delete(self.ip.index(vf.name))
        nic.present = False
        if not self._shared(vf.facts.address):
            self.tree.remove_pci(vf.facts.address)

    def give(  # noqa: PLR0913 - the ways in which a VF comes back
        self,
        netvsc: str,
        *,
        pci: str | None = None,
        name: str | None = None,
        transient: str | None = None,
        driver: str | None = None,
        verbs: tuple[tuple[str, str], ...] | None = None,
        joined: bool = True,
    ) -> None:
        """Bring the VF back, as it was but for what is given.

        The PCI function appears without a driver, the netdev under its `transient` name and
        without a master; then the driver is bound, the join follows, and the rename.
        """
        before = self._vf(netvsc)
        changes: dict[str, Any] = {"address": pci, "driver": driver, "verbs": verbs}
        facts = replace(before.facts, **{k: v for k, v in changes.items() if v is not None})
        final = name or before.name
        with self.arriving(netvsc, name=transient or final, facts=facts):
            pass
        if joined:
            self.join(netvsc)
        if transient:
            self.rename(netvsc, final)

    @contextmanager
    def arriving(self, netvsc: str, *, name: str, facts: PciFacts) -> Iterator[None]:
        """A VF in the middle of its probe: its netdev is there, its driver not yet bound."""
        nic = self.nics[netvsc]
        if not self._shared(facts.address):
            self.tree.add_pci(replace(facts, driver=None, verbs=()))
        self.add_link(name, mac=nic.mac, alias=f"sim:pci:{facts.address}")
        nic.vf, nic.present = SimVf(name=name, facts=facts), True
        yield
        if facts.driver:
            self.tree.bind(self.tree.pci(facts.address), bus="pci", driver=facts.driver)
        for uverbs, ibdev in facts.verbs:
            self.tree.add_verbs(facts.address, uverbs, ibdev)

    def join(self, netvsc: str) -> None:
        """Make the NetVSC the master of its VF."""
        nic = self.nics[netvsc]
        vf = self._vf(netvsc)
        alias = f"sim:pci:{vf.facts.address};master={nic.mac}"
        index = self.ip.index(vf.name)
        self.usable_at = time.monotonic_ns()
        self.ip.set_alias(index, alias)

    def rename(self, netvsc: str, name: str) -> None:
        """Rename the VF as udev does; a veth that is up may be renamed too."""
        nic = self.nics[netvsc]
        vf = self._vf(netvsc)
        self.ip.rename(self.ip.index(vf.name), name)
        nic.vf = replace(vf, name=name)

    def _vf(self, netvsc: str) -> SimVf:
        vf = self.nics[netvsc].vf
        if vf is None:
            raise LookupError(f"{netvsc} never had a VF: give the fixture one")
        return vf

    def _shared(self, address: str) -> bool:
        """Tell whether another port of this PCI function is present (MANA)."""
        return any(n.present and n.vf and n.vf.facts.address == address for n in self.nics.values())
