"""NetvscPool: which pairs belong together under one resource, and how they are served.

`pools_from` turns plain data, from a file or a NetvscNode, into pools; every key of
docs/pools.md is checked, and a wrong one raises ConfigError with the path that leads to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from netvsc.encoding import checks
from netvsc.errors import ConfigError
from netvsc.model.devargs import check_template
from netvsc.model.mac import parse_mac
from netvsc.model.names import (
    PREFIX_MAX,
    RESOURCE_DOMAIN,
    check_interface,
    check_pool,
    check_resource,
)


class Mode(StrEnum):
    """How an application gets its fail-safe port (docs/pools.md)."""

    AUTO = "auto"
    FAILSAFE_FD = "failsafe-fd"
    FAILSAFE_EXEC = "failsafe-exec"
    VDEV_NETVSC = "vdev-netvsc"
    NONE = "none"


class Fallback(StrEnum):
    """The driver that carries frames over the NetVSC while the VF is away."""

    TAP = "tap"
    AF_PACKET = "af_packet"


class Verbs(StrEnum):
    """Which verbs devices a container is given: the pair's own, or those of the whole pool."""

    OWN = "own"
    POOL = "pool"


class ForeignOwner(StrEnum):
    """What a NIC is to us that another driver lists, but has not allocated."""

    EXCLUDE = "exclude"
    IGNORE = "ignore"


class Addresses(StrEnum):
    """Whether the NIC's own addresses are configured in the pod."""

    NONE = "none"
    AZURE = "azure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which NICs a pool takes: each key given must match; a key not given matches all."""

    macs: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()
    numa_nodes: tuple[int, ...] = ()
    subnets: tuple[str, ...] = ()

    def takes_interface(self, name: str) -> bool:
        return any(fnmatchcase(name, glob) for glob in self.interfaces)

    def names(self, *, interface: str, mac: str) -> bool:
        """Tell whether `macs` or `interfaces` name this NIC outright."""
        return self.takes_interface(interface) or mac in self.macs


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One NetvscPool. `unhealthy_after_s` None means never; `hotplug_poll_ms` is fail-safe's."""

    name: str
    resource: str
    node_selector: tuple[tuple[str, str], ...] = ()
    priority: int = 0
    selector: Selector = field(default_factory=Selector)
    require_vf: bool = False
    force: bool = False
    skip_addressed: bool = False
    interface_prefix: str = "netvsc"
    mode: Mode = Mode.AUTO
    fallback: Fallback = Fallback.TAP
    hotplug_poll_ms: int = 100
    devargs_template: str | None = None
    unhealthy_after_s: float | None = None
    verbs: Verbs = Verbs.OWN
    allow_shared_function: bool = False
    foreign_owner: ForeignOwner = ForeignOwner.EXCLUDE
    addresses: Addresses = Addresses.NONE


BUILT_IN = Pool(name="pair", resource=f"{RESOURCE_DOMAIN}pair")


def pools_from(data: object) -> tuple[Pool, ...]:
    """Read `{"pools": [...]}`; the highest priority comes first, then the name decides.

    Raises ConfigError for an unknown key, a wrong value, and for two pools that share a name or a
    resource.
    """
    top = checks.mapping(data, ())
    _no_other_keys(top, ("pools",), ())
    if "pools" not in top:
        raise ConfigError("no key 'pools': write `pools:` and a list below it")
    found = [pool_from(item, ("pools", i)) for i, item in enumerate(_items(top["pools"]))]
    _no_twins(found)
    return tuple(sorted(found, key=lambda pool: (-pool.priority, pool.name)))


def pool_from(data: object, path: checks.Where) -> Pool:
    """Read one pool; `path` says where it stands, for messages."""
    keys = checks.mapping(data, path)
    _no_other_keys(keys, ("name", *_POOL_KEYS), path)
    if "name" not in keys:
        raise ConfigError("has no name: add `name: pair` or another DNS label", path=path)
    name = checks.via(check_pool)(keys["name"], (*path, "name"))
    values = {
        attribute: parse(keys[key], (*path, key))
        for key, (attribute, parse) in _POOL_KEYS.items()
        if key in keys
    }
    pool = Pool(**{"name": name, "resource": f"{RESOURCE_DOMAIN}{name}", **values})  # type: ignore[arg-type]
    if pool.force and not (pool.selector.macs or pool.selector.interfaces):
        raise ConfigError(
            "forces every netdev of the node: name them in selector.interfaces or selector.macs",
            path=(*path, "force"),
        )
    return pool


def _selector_from(data: object, path: checks.Where) -> Selector:
    keys = checks.mapping(data, path)
    _no_other_keys(keys, tuple(_SELECTOR_KEYS), path)
    if not keys:
        known = ", ".join(_SELECTOR_KEYS)
        raise ConfigError(
            f"is empty: leave `selector` out to take every pair, or give one of {known}", path=path
        )
    values = {
        attribute: checks.list_of(parse)(keys[key], (*path, key))
        for key, (attribute, parse) in _SELECTOR_KEYS.items()
        if key in keys
    }
    return Selector(**values)  # type: ignore[arg-type]


def _items(data: object) -> Sequence[object]:
    if not isinstance(data, list) or not data:
        raise ConfigError("write a list with at least one pool", path=("pools",))
    return data


def _no_other_keys(keys: Mapping[str, object], known: tuple[str, ...], path: checks.Where) -> None:
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ConfigError(f"unknown key; {remedy}", path=(*path, key))


def _no_twins(pools: Sequence[Pool]) -> None:
    for attribute in ("name", "resource"):
        first: dict[str, int] = {}
        for i, pool in enumerate(pools):
            value = getattr(pool, attribute)
            if value in first:
                raise ConfigError(
                    f"{value!r} is pools[{first[value]}]'s already: give each pool its own",
                    path=("pools", i, attribute),
                )
            first[value] = i


def _interface_glob(text: str) -> str:
    return text if any(c in text for c in "*?[") else check_interface(text)


def _prefix(text: str) -> str:
    return check_interface(text, longest=PREFIX_MAX)


_Parser = Callable[[object, checks.Where], object]

_SELECTOR_KEYS: dict[str, tuple[str, _Parser]] = {
    "macs": ("macs", checks.via(parse_mac)),
    "interfaces": ("interfaces", checks.via(_interface_glob)),
    "drivers": ("drivers", checks.text),
    "numaNodes": ("numa_nodes", checks.number(low=0, high=1023)),
    "subnets": ("subnets", checks.subnet),
}

_POOL_KEYS: dict[str, tuple[str, _Parser]] = {
    "resource": ("resource", checks.via(check_resource)),
    "nodeSelector": ("node_selector", checks.labels),
    "priority": ("priority", checks.number(low=-1_000_000, high=1_000_000)),
    "selector": ("selector", _selector_from),
    "requireVf": ("require_vf", checks.flag),
    "force": ("force", checks.flag),
    "skipAddressed": ("skip_addressed", checks.flag),
    "interfacePrefix": ("interface_prefix", checks.via(_prefix)),
    "mode": ("mode", checks.one_of(Mode)),
    "fallback": ("fallback", checks.one_of(Fallback)),
    "hotplugPollMs": ("hotplug_poll_ms", checks.number(low=1, high=60_000)),
    "devargsTemplate": ("devargs_template", checks.via(check_template)),
    "unhealthyAfter": ("unhealthy_after_s", checks.duration_or_never),
    "verbs": ("verbs", checks.one_of(Verbs)),
    "allowSharedFunction": ("allow_shared_function", checks.flag),
    "foreignOwner": ("foreign_owner", checks.one_of(ForeignOwner)),
    "addresses": ("addresses", checks.one_of(Addresses)),
}
