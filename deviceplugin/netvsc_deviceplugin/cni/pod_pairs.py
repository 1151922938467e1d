"""Which pairs a pod shall have, and under which names. Pure, but for the one question asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc.aio

from netvsc.errors import RetryError
from netvsc.model.interface_names import Names, Request, name_interfaces, read_names
from netvsc.model.names import RESOURCE_DOMAIN
from netvsc_deviceplugin.cni.attach.records import Want
from netvsc_deviceplugin.cni.protocol.request import Call, CallError, Code
from netvsc_deviceplugin.kubelet.api import methods
from netvsc_deviceplugin.kubelet.api import podresources_v1_pb2 as pr

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """The pairs that one container has of one resource."""

    container: str
    resource: str
    ids: tuple[str, ...]


Pods = Mapping[tuple[str, str], tuple[Devices, ...]]  # by namespace and name


async def ask(socket: Path, *, namespace: str, pod: str) -> tuple[Devices, ...]:
    """Ask the kubelet what a pod has; raises RetryError without an answer."""
    pods = await ask_all(socket, whose=f"{namespace}/{pod}")
    return pods.get((namespace, pod), ())


async def ask_all(socket: Path, *, whose: str = "any pod") -> Pods:
    """Ask the kubelet what every pod has; raises RetryError without an answer."""
    try:
        async with methods.channel(socket) as channel:
            request = pr.ListPodResourcesRequest()
            answer = await methods.LIST_PODS.call(channel, request, timeout_s=_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        raise RetryError(f"the kubelet does not say what {whose} has: {error.details()}") from None
    return pods_of(answer)


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


def _devices(found: Mapping[tuple[str, str], set[str]]) -> tuple[Devices, ...]:
    return tuple(
        Devices(container=container, resource=resource, ids=tuple(sorted(ids)))
        for (container, resource), ids in found.items()
    )


def wants(
    call: Call, devices: Sequence[Devices], *, prefixes: Mapping[str, str]
) -> tuple[Want, ...]:
    """Return what shall be in the pod; `prefixes` are the pools' by resource.

    Raises RetryError if the kubelet knows of no pair though the pod was promised some, CallError
    if the annotation does not fit what it knows.
    """
    if call.device:
        _check_given(call, call.device, devices)
        return (Want(id=call.device, interface=call.interface),)
    if call.annotation is None:
        requests = [
            Request(container=d.container, resource=d.resource, count=len(d.ids)) for d in devices
        ]
        names = name_interfaces(requests, prefixes=prefixes)
    else:
        names = read_names(call.annotation)
        if names and not devices:
            raise RetryError(f"the kubelet knows of no pair of {call.namespace}/{call.pod} yet")
    return tuple(want for one in devices for want in _named(one, names))


def _check_given(call: Call, id_: str, devices: Sequence[Devices]) -> None:
    """Raise RetryError for a pair that the kubelet did not give to the pod.

    A deviceID is what the author of a NetworkAttachmentDefinition wrote, where Multus did not: it
    may name another pod's pair, or the node's uplink.
    """
    if call.pod and not any(id_ in one.ids for one in devices):
        raise RetryError(
            f"deviceID {id_}: the kubelet gave {call.namespace}/{call.pod} no such pair; write no "
            "deviceID, but the annotation k8s.v1.cni.cncf.io/resourceName"
        )


def _named(devices: Devices, names: Names) -> tuple[Want, ...]:
    given = names.get(devices.container, {}).get(devices.resource, ())
    if len(given) != len(devices.ids):
        raise CallError(
            Code.CONFIG,
            f"container {devices.container} has {len(devices.ids)} {devices.resource} and "
            f"{len(given)} names in the annotation: the annotation is the webhook's to write",
        )
    return tuple(Want(id=id_, interface=name) for id_, name in zip(devices.ids, given, strict=True))
