"""`netvsc-operator uninstall-check`: asks every agent to leave, and waits until they have.

Our CNI plugin moves a pair out of its pod, so the chart must not go while a pod has one: this
fails then and names the pods. A Helm hook runs it before anything is deleted.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from netvsc.errors import NetvscError
from netvsc.host import logs
from netvsc_operator.kube import NETVSC_NODES, Kube, NotFound, config_loader
from netvsc_operator.objects import Object

log = logging.getLogger(__name__)

_POLL_S = 1.0  # a hook that runs once in a cluster's life
_AT_ONCE = 16
_MANAGER = "netvsc-uninstall"


def main(argv: Sequence[str]) -> int:
    """Return 0 once every agent has left, 1 while a pod has a pair or an agent does not answer."""
    arguments = _parser().parse_args(argv)
    logs.configure()
    try:
        if arguments.cancel:
            asyncio.run(_stay(arguments.kubeconfig))
            return 0
        left = asyncio.run(_leave(arguments.kubeconfig, patience_s=arguments.timeout))
    except NetvscError as error:
        log.error("%s", error)  # noqa: TRY400 (its message is all there is to know)
        return 1
    sys.stdout.write(verdict(left))
    return 1 if left else 0


async def _leave(kubeconfig: Path | None, *, patience_s: float) -> list[Object]:
    async with Kube(config_loader(kubeconfig)) as kube:
        return await leave(kube, patience_s=patience_s)


async def _stay(kubeconfig: Path | None) -> None:
    async with Kube(config_loader(kubeconfig)) as kube:
        there = (await kube.list(NETVSC_NODES)).items
        await _ask([one for one in there if asked(one)], kube, uninstall=False)


async def leave(
    kube: Kube, *, patience_s: float, clock: Callable[[], float] = time.monotonic
) -> list[Object]:
    """Ask all to leave; return the NetvscNodes that have not after `patience_s`."""
    until = clock() + patience_s
    while True:
        try:
            there = (await kube.list(NETVSC_NODES)).items
        except NotFound:  # the kind is not installed: nobody is left
            return []
        await _ask([one for one in there if not asked(one)], kube)
        left = [one for one in there if not (asked(one) and uninstalled(one))]
        if not left or clock() >= until:
            return left
        await asyncio.sleep(_POLL_S)


async def _ask(nodes: Iterable[Object], kube: Kube, *, uninstall: bool = True) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def ask(name: str) -> None:
        body = {"spec": {"uninstall": uninstall}}
        async with turns:
            with suppress(NotFound):  # its Node went meanwhile
                await kube.patch(NETVSC_NODES, name, body, manager=_MANAGER)

    await asyncio.gather(*(ask(one["metadata"]["name"]) for one in nodes))


def asked(node: Object) -> bool:
    return bool((node.get("spec") or {}).get("uninstall"))


def uninstalled(node: Object) -> bool:
    """Tell whether nothing of ours is in the node's CNI chain; without an agent nothing ever was.

    The condition counts for the spec that its agent has seen.
    """
    status = node.get("status")
    if not status:
        return True
    if status.get("observedGeneration", 0) < node["metadata"].get("generation", 0):
        return False
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions") or []}
    return conditions.get("Uninstalled") == "True"


def verdict(left: Sequence[Object]) -> str:
    """Say who holds up the uninstall, and what to do."""
    if not left:
        return "no pod holds a pair; no node's CNI chain has our plugin any more\n"
    lines = ["these nodes are not ready to lose netvsc-operator:"]
    for node in left:
        held = [f"pod {one}" for one in holders(node)]
        why = ", ".join(held) or "its agent has not confirmed: see the log of its pod"
        lines.append(f"  {node['metadata']['name']}: {why}")
    lines.append("delete these pods, or drain the nodes, and uninstall again;")
    lines.append("to keep netvsc-operator after all: netvsc-operator uninstall-check --cancel")
    return "\n".join(lines) + "\n"


def holders(node: Object) -> list[str]:
    """Return the pods that hold pairs of a node."""
    pairs = (node.get("status") or {}).get("pairs") or []
    held = (pair.get("allocation") for pair in pairs)
    return sorted({f"{one['namespace']}/{one['pod']}" for one in held if one})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netvsc-operator uninstall-check",
        description="Asks every agent to leave its node's CNI chain; fails while a pod has a pair.",
    )
    add = parser.add_argument
    add("--kubeconfig", type=Path, metavar="FILE", help="(default: the pod's own account)")
    add("--cancel", action="store_true", help="take the request back: the agents stay")
    add(
        "--timeout",
        type=float,
        default=120.0,
        metavar="S",
        help="how long to wait for the agents, in seconds (%(default)s)",
    )
    return parser
