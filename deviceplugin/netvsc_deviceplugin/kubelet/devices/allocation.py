"""What a container gets with its pairs: environment and device nodes. Pure.

PCIDEVICE_* are named and shaped as the SR-IOV network device plugin's README, "Pod device
information", has them, so that applications which read those need no change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from netvsc.model.pair import Pair
from netvsc.model.pool import Pool, Verbs

TUN = "/dev/net/tun"
RDMA_CM = "/dev/infiniband/rdma_cm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The answer for one container; `verbs` says which verbs devices it gives for each pair."""

    env: Mapping[str, str]
    nodes: tuple[str, ...]
    verbs: Mapping[str, tuple[str, ...]]


def grant(
    pairs: Sequence[Pair],
    *,
    pool: Pool,
    pool_pairs: Sequence[Pair],
    present: Callable[[str], bool],
) -> Grant:
    """Return what a container gets that was given `pairs` of `pool`.

    `present` tells whether a device node exists on the host: container runtimes refuse to start a
    container with one that does not.
    """
    givers = pool_pairs if pool.verbs is Verbs.POOL else pairs
    verbs = {pair.id: _verbs(pair, present) for pair in givers}
    devices = _unique(f"/dev/infiniband/{name}" for names in verbs.values() for name in names)
    wanted = (TUN, *devices, RDMA_CM) if devices else (TUN,)
    nodes = tuple(node for node in wanted if present(node))
    return Grant(env=_env(pairs, pool, nodes), nodes=nodes, verbs=_kept(pairs, verbs, pool))


def variable(prefix: str, resource: str) -> str:
    """Name an environment variable after a resource: `PCIDEVICE_NETVSC_IO_PAIR`."""
    return f"{prefix}_{re.sub(r'[^A-Za-z0-9]', '_', resource).upper()}"


def _kept(
    pairs: Sequence[Pair], verbs: Mapping[str, tuple[str, ...]], pool: Pool
) -> Mapping[str, tuple[str, ...]]:
    """Say for each pair what its holder was given: with `verbs: pool` that is all of it."""
    if pool.verbs is Verbs.POOL:
        everything = _unique(name for names in verbs.values() for name in names)
        return {pair.id: everything for pair in pairs}
    return verbs


def _verbs(pair: Pair, present: Callable[[str], bool]) -> tuple[str, ...]:
    names = pair.vf.verbs if pair.vf else ()
    return tuple(name for name in names if present(f"/dev/infiniband/{name}"))


def _env(pairs: Sequence[Pair], pool: Pool, nodes: Sequence[str]) -> Mapping[str, str]:
    """Both names of the list: the kubelet keeps one NETVSC_PAIRS when a container has two pools."""
    described = _json([_description(pair) for pair in pairs])
    functions = {pair.vf.pci: pair for pair in pairs if pair.vf}
    devices = variable("PCIDEVICE", pool.resource)
    return {
        "NETVSC_PAIRS": described,
        variable("NETVSC_PAIRS", pool.resource): described,
        devices: ",".join(functions),
        f"{devices}_INFO": _json({pci: _info(pair, nodes) for pci, pair in functions.items()}),
    }


def _description(pair: Pair) -> dict[str, object]:
    """Return a pair as applications read it. `pci` is as of now: it may change with a new VF."""
    return {
        "id": pair.id,
        "mac": pair.mac,
        "pool": pair.pool,
        "netvsc": pair.netvsc,
        "driver": pair.vf.driver if pair.vf else None,
        "numa": pair.numa_node,
        "mtu": pair.mtu,
        "addresses": list(pair.addresses),
        "gateways": list(pair.gateways),
        "pci": pair.vf.pci if pair.vf else None,
    }


def _info(pair: Pair, nodes: Sequence[str]) -> dict[str, dict[str, str]]:
    info = {
        "generic": {"deviceID": pair.vf.pci if pair.vf else ""},
        "netvsc": {"id": pair.id, "mac": pair.mac},
    }
    own = [f"/dev/infiniband/{name}" for name in (pair.vf.verbs if pair.vf else ())]
    given = [node for node in own if node in nodes]
    if given:
        info["rdma"] = {"uverbs": given[0]} | ({"rdma_cm": RDMA_CM} if RDMA_CM in nodes else {})
    return info


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _json(data: object) -> str:
    return json.dumps(data, separators=(",", ":"))
