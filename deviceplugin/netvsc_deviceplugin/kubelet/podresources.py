"""Who holds which pair, as the kubelet's pod resources API tells it.

The API has no watch, so it is asked at times: at start, when the kubelet is new, shortly after each
Allocate (the pod shows only once the kubelet has admitted it), when CNI moved a pair back to the
host, and on a slow timer: without CNI nothing at all tells of a pod that ended.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio

from netvsc.errors import RetryError
from netvsc.model.names import RESOURCE_DOMAIN
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.wakeup import Wakeup
from netvsc_deviceplugin.kubelet.api import methods
from netvsc_deviceplugin.kubelet.api import podresources_v1_pb2 as pr

SLOW_S = 60.0
SOON_S = (0.25, 2.0, 10.0)  # after an Allocate: admission takes 0.4 s here, a busy kubelet longer
GONE_S = 3.0  # a kubelet may list a pod before it knows what it has
# A restarted kubelet lists no pod at all, not even ours, until it has heard of them from the
# apiserver: for a second, on a busy node for many (docs/testing-cluster.md). Nothing tells when.
BLANK_S = 1.0
_TIMEOUT_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Which container holds a pair, and as which resource."""

    namespace: str
    pod: str
    container: str
    resource: str


Allocations = Mapping[str, Allocation]


def allocations_from(answer: pr.ListPodResourcesResponse) -> Allocations:
    """Return the holder of each of our devices; of several containers of a pod, the last."""
    return {
        id_: Allocation(
            namespace=pod.namespace,
            pod=pod.name,
            container=container.name,
            resource=devices.resource_name,
        )
        for pod in answer.pod_resources
        for container in pod.containers
        for devices in container.devices
        if devices.resource_name.startswith(RESOURCE_DOMAIN)
        for id_ in devices.device_ids
    }


async def list_pods(socket: Path) -> pr.ListPodResourcesResponse:
    """Ask the kubelet; raises RetryError, with its reason, without an answer."""
    try:
        async with methods.channel(socket) as channel:
            request = pr.ListPodResourcesRequest()
            return await methods.LIST_PODS.call(channel, request, timeout_s=_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        raise RetryError(error.details() or "no reason") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodDevices:
    """The pairs that one container has of one resource."""

    container: str
    resource: str
    ids: tuple[str, ...]


Pods = Mapping[tuple[str, str], tuple[PodDevices, ...]]  # by namespace and name


async def ask(socket: Path, *, namespace: str, pod: str) -> tuple[PodDevices, ...]:
    """Ask the kubelet what a pod has; raises RetryError without an answer."""
    pods = await ask_all(socket, whose=f"{namespace}/{pod}")
    return pods.get((namespace, pod), ())


async def ask_all(socket: Path, *, whose: str = "any pod") -> Pods:
    """Ask the kubelet what every pod has; raises RetryError without an answer."""
    try:
        return pods_of(await list_pods(socket))
    except RetryError as error:
        raise RetryError(f"the kubelet does not say what {whose} has: {error}") from None


def pods_of(answer: pr.ListPodResourcesResponse) -> Pods:
    """Return what the kubelet lists; a pod that has no pair is there too, and has none.

    Containers come in their order; ids of one resource in theirs, for the names.
    """
    found: dict[tuple[str, str], defaultdict[tuple[str, str], set[str]]] = {}
    for one in answer.pod_resources:
        mine = found.setdefault((one.namespace, one.name), defaultdict(set))
        for container in one.containers:
            for devices in container.devices:
                if devices.resource_name.startswith(RESOURCE_DOMAIN):
                    mine[container.name, devices.resource_name] |= set(devices.device_ids)
    return {pod: _devices(mine) for pod, mine in found.items()}


def _devices(found: Mapping[tuple[str, str], set[str]]) -> tuple[PodDevices, ...]:
    return tuple(
        PodDevices(container=container, resource=resource, ids=tuple(sorted(ids)))
        for (container, resource), ids in found.items()
    )


def settled(
    before: Allocations, answer: Allocations, missing: Mapping[str, float], *, now: float
) -> tuple[Allocations, Mapping[str, float]]:
    """Return who holds what, and since when the holders of `before` are missing from the answers.

    One answer without a holder says nothing: it counts until it has been missing for GONE_S.
    """
    since = {id_: missing.get(id_, now) for id_ in before if id_ not in answer}
    kept = {id_: at for id_, at in since.items() if now - at < GONE_S}
    return {**{id_: before[id_] for id_ in kept}, **answer}, kept


class PodResources:
    """Keeps `allocations` as true as the API allows; `on_answer` hears of each answer.

    `trouble` says why the kubelet does not answer, None while it does.
    """

    def __init__(
        self,
        socket: Path,
        *,
        allocations: Latest[Allocations],
        on_answer: Callable[[Collection[str], Collection[str]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trouble: Latest[str | None] = Latest(None)
        self._socket = socket
        self._allocations = allocations
        self._on_answer = on_answer
        self._clock = clock
        self._due: list[float] = []
        self._missing: Mapping[str, float] = {}
        self._wakeup = Wakeup()

    def soon(self) -> None:
        """Look shortly, and again when things have settled; a look that is due stays due."""
        now = self._clock()
        nearest = min(self._due, default=float("inf"))
        self._due = [min(nearest, now + SOON_S[0]), *(now + wait for wait in SOON_S[1:])]
        if self._due[0] < nearest:
            self._wakeup.set()

    async def run(self) -> None:
        while True:
            await self.refresh()
            await self._rest()

    async def refresh(self) -> None:
        """Ask once. Without an answer the last picture stands, and one line in the log says so."""
        try:
            answer = await list_pods(self._socket)
        except RetryError as error:
            why = f"{self._socket}: {error}"
            if not self.trouble.get():
                log.warning(
                    "cannot ask the kubelet who holds pairs, keeping the last answer: %s", why
                )
            self.trouble.set(why)
            self._missing = {}  # whoever answers next may be new, and know nothing yet
            return
        self.trouble.set(None)
        if not answer.pod_resources:
            self._missing = {}
            self._due.append(self._clock() + BLANK_S)
            return
        shown = allocations_from(answer)
        allocations, self._missing = settled(
            self._allocations.get(), shown, self._missing, now=self._clock()
        )
        self._due += [at + GONE_S for at in self._missing.values()]
        self._allocations.set(allocations)
        self._on_answer(allocations.keys(), shown.keys())

    async def _rest(self) -> None:
        """Wait until the next look is due; `soon` may bring it forward."""
        until = self._clock() + SLOW_S
        while True:
            until = min([until, *self._due])
            if not await self._wakeup.wait(max(0.0, until - self._clock())):
                self._due = [at for at in self._due if at > until]
                return
