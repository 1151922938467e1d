"""Whether a kernel has a module, found out without loading it. Pure.

modules.builtin and modules.dep (modprobe(8), kmod), else the kernel's configuration.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from netvsc.drivers import DRIVERS

# The option behind each module that a check asks for.
_OPTIONS = {
    "sch_multiq": "NET_SCH_MULTIQ",
    "sch_ingress": "NET_SCH_INGRESS",
    "cls_flower": "NET_CLS_FLOWER",
    "act_mirred": "NET_ACT_MIRRED",
    "tun": "TUN",
    "ib_uverbs": "INFINIBAND_USER_ACCESS",
    **{module: option for one in DRIVERS for module, option in one.options},
}


class ModuleState(StrEnum):
    LOADED = "loaded"
    BUILTIN = "built in"
    LOADABLE = "loadable"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """None: that source is not to be had here. `config` maps NET_CLS_FLOWER to y or m."""

    loaded: Collection[str] = field(default_factory=frozenset)
    builtin: Collection[str] | None = None
    loadable: Collection[str] | None = None
    config: Mapping[str, str] | None = None

    def state(self, name: str) -> ModuleState:
        if name in self.loaded:
            return ModuleState.LOADED
        if name in (self.builtin or ()):
            return ModuleState.BUILTIN
        if name in (self.loadable or ()):
            return ModuleState.LOADABLE
        return self._by_config(name)

    def missing(self, *names: str) -> list[str]:
        return [name for name in names if self.state(name) is ModuleState.ABSENT]

    def unclear(self, *names: str) -> list[str]:
        return [name for name in names if self.state(name) is ModuleState.UNKNOWN]

    def _by_config(self, name: str) -> ModuleState:
        if self.config is not None:
            value = self.config.get(_OPTIONS[name])
            if value == "y":
                return ModuleState.BUILTIN
            # A module that was built but is not on this disk is in a package of its own.
            return (
                ModuleState.LOADABLE
                if value == "m" and self.loadable is None
                else ModuleState.ABSENT
            )
        return (
            ModuleState.ABSENT
            if self.builtin is not None and self.loadable is not None
            else ModuleState.UNKNOWN
        )


def names(listing: str) -> frozenset[str]:
    """Return the modules that modules.builtin or modules.dep lists."""
    paths = (line.partition(":")[0].strip() for line in listing.splitlines())
    return frozenset(_name(path) for path in paths if ".ko" in path)


def _name(path: str) -> str:
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def options(text: str) -> dict[str, str]:
    """Return the options that a kernel configuration sets."""
    lines = (line.removeprefix("CONFIG_").partition("=") for line in text.splitlines())
    return {key: value for key, separator, value in lines if separator and key[:1] != "#"}
