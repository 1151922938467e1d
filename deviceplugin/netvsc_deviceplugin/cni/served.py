"""The node as a whole: the agent's own netns and every one that has a pair inside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netvsc_deviceplugin.cni.plan import way_home
from netvsc_deviceplugin.cni.sight import Seen, look
from netvsc_deviceplugin.cni.space import Space
from netvsc_deviceplugin.links import Link
from netvsc_deviceplugin.match import World
from netvsc_deviceplugin.scan import Source, scan
from netvsc_deviceplugin.sysfs import Devices


def scan_all(source: Source, spaces: Iterable[Space]) -> tuple[World, Devices]:
    """Scan all; raises NodeError. Call it while nothing is moved, or a pair is seen twice.

    In a pod a NetVSC still goes by its name at home: that is what pools select and people know.
    """
    inside = [_known(one) for space in spaces for one in look(space, source)]
    return scan(source, inside)


def _known(one: Seen) -> Link:
    name = way_home(one)
    return replace(one.link, name=name) if name and one.link.parent_bus != "pci" else one.link
