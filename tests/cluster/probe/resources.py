"""Who holds which device, as the kubelet tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from cluster.probe.protocol import messages

if TYPE_CHECKING:
    from pathlib import Path

Held = dict[str, list[str]]
"""Container/resource -> device ids."""


def pod(socket: Path, *, namespace: str, name: str) -> Held:
    wanted = messages["GetPodResourcesRequest"](pod_name=name, pod_namespace=namespace)
    return _held(_call(socket, "Get", wanted).pod_resources)


def pods(socket: Path) -> dict[str, Held]:
    """Namespace/name -> what it holds."""
    answer = _call(socket, "List", messages["ListPodResourcesRequest"]())
    return {f"{found.namespace}/{found.name}": _held(found) for found in answer.pod_resources}


def _held(found: Any) -> Held:
    return {
        f"{container.name}/{devices.resource_name}": sorted(devices.device_ids)
        for container in found.containers
        for devices in container.devices
    }


def _call(socket: Path, method: str, request: Any) -> Any:
    answer = messages[f"{method}PodResourcesResponse"]
    with grpc.insecure_channel(f"unix://{socket}") as channel:
        ask: Any = channel.unary_unary(
            f"/v1.PodResourcesLister/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return ask(request, timeout=5)
