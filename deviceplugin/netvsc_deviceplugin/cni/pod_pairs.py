"""Which pairs a pod shall have, and under which names. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netvsc.errors import RetryError
from netvsc.model.interface_names import Names, Request, name_interfaces, read_names
from netvsc_deviceplugin.cni.attach.records import Want
from netvsc_deviceplugin.cni.protocol.request import Call, CallError, Code
from netvsc_deviceplugin.kubelet.podresources import PodDevices


def wants(
    call: Call, devices: Sequence[PodDevices], *, prefixes: Mapping[str, str]
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


def _check_given(call: Call, id_: str, devices: Sequence[PodDevices]) -> None:
    """Raise RetryError for a pair that the kubelet did not give to the pod.

    A deviceID is what the author of a NetworkAttachmentDefinition wrote, where Multus did not: it
    may name another pod's pair, or the node's uplink.
    """
    if call.pod and not any(id_ in one.ids for one in devices):
        raise RetryError(
            f"deviceID {id_}: the kubelet gave {call.namespace}/{call.pod} no such pair; write no "
            "deviceID, but the annotation k8s.v1.cni.cncf.io/resourceName"
        )


def _named(devices: PodDevices, names: Names) -> tuple[Want, ...]:
    wanted = names.get(devices.container, {}).get(devices.resource, ())
    if len(wanted) != len(devices.ids):
        raise CallError(
            Code.CONFIG,
            f"container {devices.container} has {len(devices.ids)} {devices.resource} and "
            f"{len(wanted)} names in the annotation: the annotation is the webhook's to write",
        )
    return tuple(
        Want(id=id_, interface=name) for id_, name in zip(devices.ids, wanted, strict=True)
    )
