"""The kubelet's protocols as far as the probe speaks them, written down as tables.

Field names and numbers are those of k8s.io/kubelet (deviceplugin v1beta1, podresources v1). The
classes are made from the tables, so that these tests need no generated code and share none with
the agent they are to judge.
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {"bool": _Field.TYPE_BOOL, "string": _Field.TYPE_STRING}

# message -> fields in the order of their numbers, from 1; * marks a repeated one
DEVICE_PLUGIN: Final = {
    "Empty": (),
    "DevicePluginOptions": ("bool pre_start_required", "bool get_preferred_allocation_available"),
    "RegisterRequest": (
        "string version",
        "string endpoint",
        "string resource_name",
        "DevicePluginOptions options",
    ),
    "Device": ("string ID", "string health"),
    "ListAndWatchResponse": ("*Device devices",),
    "ContainerAllocateRequest": ("*string devices_ids",),
    "AllocateRequest": ("*ContainerAllocateRequest container_requests",),
    "Env": ("string key", "string value"),  # a map, as it looks on the wire
    "ContainerAllocateResponse": ("*Env envs",),
    "AllocateResponse": ("*ContainerAllocateResponse container_responses",),
    "PreStartContainerRequest": ("*string devices_ids",),
    "PreStartContainerResponse": (),
}
POD_RESOURCES: Final = {
    "ContainerDevices": ("string resource_name", "*string device_ids"),
    "ContainerResources": ("string name", "*ContainerDevices devices"),
    "PodResources": ("string name", "string namespace", "*ContainerResources containers"),
    "ListPodResourcesRequest": (),
    "ListPodResourcesResponse": ("*PodResources pod_resources",),
    "GetPodResourcesRequest": ("string pod_name", "string pod_namespace"),
    "GetPodResourcesResponse": ("PodResources pod_resources",),
}


def _classes(package: str, table: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"probe/{package}.proto", package=package, syntax="proto3"
    )
    for name, fields in table.items():
        message = file.message_type.add(name=name)
        for number, text in enumerate(fields, start=1):
            _describe(message.field.add(number=number), text, package)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in table
    }


def _describe(field: descriptor_pb2.FieldDescriptorProto, text: str, package: str) -> None:
    kind, field.name = text.lstrip("*").split()
    field.label = _Field.LABEL_REPEATED if text.startswith("*") else _Field.LABEL_OPTIONAL
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{package}.{kind}"


messages = _classes("v1beta1", DEVICE_PLUGIN) | _classes("v1", POD_RESOURCES)
