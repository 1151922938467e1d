"""Who holds a pair and how it is doing: what `kubectl netvsc pods` shows. Pure.

`-o json` and `-o yaml` print these, with the keys that docs/kubectl.md describes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from netvsc.model.pair import Path
from netvsc.model.status import (
    STARTING,
    AllocationStatus,
    AnnounceState,
    ApplicationState,
    NodeStatus,
    PairStatus,
)

NOT_ANNOUNCED = "NotAnnounced"
Pod = tuple[str, str, str | None]  # namespace, name and uid


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A NetvscNode; `status` is None until its agent has written one.

    `trouble` says why there is none although one was written.
    """

    name: str
    status: NodeStatus | None
    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPairStatus:
    """A pair in a container. `interface` is its name there, None before it is moved in.

    `since` is when the path became what it is, None if it never changed. `announced` is a state of
    docs/netvscnode.md, or NotAnnounced for a pod without a sidecar.
    """

    namespace: str
    pod: str
    container: str
    node: str
    pair: str
    path: Path
    revocations: int
    interface: str | None = None
    since: str | None = None
    announced: str | None = None
    reason: str | None = None
    last_outage_seconds: float | None = None
    vf: str | None = None
    driver: str | None = None
    verbs_mismatch: str | None = None
    application: ApplicationState | None = None
    guard: str | None = None


def holders(
    found: Iterable[Node], *, namespace: str | None, alone: Collection[Pod] = ()
) -> list[PodPairStatus]:
    """Return what is held, sorted; `namespace` None means all, `alone` are pods without sidecar."""
    several = [_held(*one, alone) for one in _allocated(found, namespace)]
    return sorted(several, key=lambda one: (one.namespace, one.pod, one.container, one.pair))


def silent(found: Iterable[Node], *, namespace: str | None) -> frozenset[Pod]:
    """Return the pods whose sidecar has not answered: it may start, or there may be none."""
    return frozenset(_pod(by) for _, pair, by in _allocated(found, namespace) if _unheard(pair))


def _allocated(
    found: Iterable[Node], namespace: str | None
) -> Iterator[tuple[str, PairStatus, AllocationStatus]]:
    """Yield node, pair and holder of all that is held in a namespace; None means all."""
    for node in found:
        for pair in node.status.pairs if node.status else ():
            if pair.allocation and namespace in {None, pair.allocation.namespace}:
                yield node.name, pair, pair.allocation


def _pod(held: AllocationStatus) -> Pod:
    return held.namespace, held.pod, held.uid


def _unheard(pair: PairStatus) -> bool:
    said = pair.announcement
    return said is None or (said.state is AnnounceState.UNKNOWN and said.reason == STARTING)


def _held(
    node: str, pair: PairStatus, by: AllocationStatus, alone: Collection[Pod]
) -> PodPairStatus:
    announced, reason = _announced(pair, alone=_pod(by) in alone)
    said, vf = pair.announcement, pair.vf
    return PodPairStatus(
        namespace=by.namespace,
        pod=by.pod,
        container=by.container,
        node=node,
        pair=pair.id,
        path=pair.path,
        revocations=pair.revocations,
        interface=by.interface,
        since=since(pair),
        announced=announced,
        reason=reason,
        last_outage_seconds=pair.last_outage_seconds,
        vf=vf.pci if vf else None,
        driver=vf.driver if vf else None,
        verbs_mismatch=pair.verbs_mismatch,
        application=said.application if said else None,
        guard=said.guard if said else None,
    )


def since(pair: PairStatus) -> str | None:
    """Return when the path of a pair became what it is."""
    return pair.last_returned if pair.path is Path.VF else pair.last_revoked


def _announced(pair: PairStatus, *, alone: bool) -> tuple[str | None, str | None]:
    if alone and _unheard(pair):
        return NOT_ANNOUNCED, None
    said = pair.announcement
    return (said.state.value, said.reason) if said else (None, None)
