"""Which modules are mutated, and which tests are asked about each."""

from __future__ import annotations

import importlib.util
import pkgutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Pure modules by their import names: `package` is every module below it.

    `module:function` is of one that is pure in part. Tests are paths below tests/unit.
    """

    name: str
    pure: tuple[str, ...]
    tests: tuple[str, ...]

    def modules(self) -> tuple[str, ...]:
        """Return them one by one, a package as what is in it."""
        return tuple(one for name in self.pure for one in _modules(name))

    @property
    def paths(self) -> list[str]:
        return [str(ROOT / "tests" / "unit" / test) for test in self.tests]


def _modules(name: str) -> list[str]:
    spec = importlib.util.find_spec(name.partition(":")[0])
    if spec is None:
        raise LookupError(f"no module {name}: tests/mutants/areas.py names it")
    if not spec.submodule_search_locations:
        return [name]
    below = pkgutil.walk_packages(spec.submodule_search_locations, f"{name}.")
    return sorted(one.name for one in below if not one.ispkg)


def _agent(*names: str) -> tuple[str, ...]:
    return tuple(f"netvsc_deviceplugin.{name}" for name in names)


def _operator(*names: str) -> tuple[str, ...]:
    return tuple(f"netvsc_operator.{name}" for name in names)


AREAS = (
    Area(
        name="vocabulary",
        pure=(
            "netvsc.model.mac",
            "netvsc.model.names",
            "netvsc.model.devargs",
            "netvsc.model.pool",
            "netvsc.encoding.timestamps",
        ),
        tests=("model", "inventory/test_pool_file.py", "inventory/test_match.py", "netvscnode"),
    ),
    Area(
        name="inventory",
        pure=_agent("inventory.pairing", "inventory.match", "inventory.vf_events"),
        tests=("inventory", "kernel"),
    ),
    Area(
        name="kubelet",
        pure=_agent("kubelet.devices", "kubelet.podresources:settled"),
        tests=("kubelet",),
    ),
    Area(
        name="netvscnode",
        pure=_agent(
            "netvscnode.conditions",
            "netvscnode.counts",
            "netvscnode.restore",
            "netvscnode.spec",
            "netvscnode.status",
        ),
        tests=("netvscnode", "upgrade"),
    ),
    Area(
        name="cni",
        pure=_agent(
            "cni.attach.plan",
            "cni.attach.records",
            "cni.chain.conflist",
            "cni.protocol.request",
            "cni.protocol.routes",
            "cni.result",
        ),
        tests=("cni",),
    ),
    Area(name="admission", pure=_operator("admission"), tests=("admission",)),
    Area(
        name="controller",
        pure=_operator(
            "controller.events.messages",
            "controller.events.phase",
            "controller.events.pod_condition",
            "controller.events.reannounce",
            "controller.events.reported",
            "controller.events.rules",
            "controller.pools.node_spec",
            "controller.pools.status",
        ),
        tests=("controller",),
    ),
)
