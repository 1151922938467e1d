"""The methods of the kubelet's two protocols as values: to serve and to call, without _pb2_grpc.

Generated service code would add a module per protocol, untyped, and tie grpcio's version to the
generator's; what it does is these few lines.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from netvsc_deviceplugin.kubelet.api import deviceplugin_v1beta1_pb2 as dp
from netvsc_deviceplugin.kubelet.api import podresources_v1_pb2 as pr

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)
Context = grpc.aio.ServicerContext[Any, Any]

# The kubelet's own limit for podresources (16 MiB): a node with many pods outgrows gRPC's 4 MiB.
_MAX_ANSWER = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Method(Generic[Q, A]):
    """One method: `service` with its package, as it stands in the HTTP/2 path."""

    service: str
    name: str
    request: type[Q]
    answer: type[A]

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.name}"

    async def call(self, channel: grpc.aio.Channel, request: Q, *, timeout_s: float) -> A:
        """Call a method with one answer; raises grpc.aio.AioRpcError."""
        stub = channel.unary_unary(
            self.path, self.request.SerializeToString, self.answer.FromString
        )
        answer: A = await stub(request, timeout=timeout_s)
        return answer

    def listen(self, channel: grpc.aio.Channel, request: Q) -> AsyncIterator[A]:
        """Call a method with a stream of answers, for as long as it lasts."""
        stub = channel.unary_stream(
            self.path, self.request.SerializeToString, self.answer.FromString
        )
        return aiter(stub(request))

    def answered(self, by: Callable[[Q, Context], Awaitable[A]]) -> ServedMethod:
        return ServedMethod(
            self.name,
            grpc.unary_unary_rpc_method_handler(
                by, self.request.FromString, self.answer.SerializeToString
            ),
        )

    def streamed(self, by: Callable[[Q, Context], AsyncIterator[A]]) -> ServedMethod:
        return ServedMethod(
            self.name,
            grpc.unary_stream_rpc_method_handler(
                by, self.request.FromString, self.answer.SerializeToString
            ),
        )


@dataclass(frozen=True, slots=True)
class ServedMethod:
    """A method with the function that serves it."""

    name: str
    handler: grpc.RpcMethodHandler[Any, Any]


def handlers(service: str, *served: ServedMethod) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(service, {one.name: one.handler for one in served})


def channel(socket: Path) -> grpc.aio.Channel:
    """Open a channel to a Unix socket; close it after use.

    One channel per errand: a kept one would wait out gRPC's reconnect back-off (up to two
    minutes) after the kubelet has long returned.
    """
    return grpc.aio.insecure_channel(
        f"unix:{socket}",
        options=[
            ("grpc.max_receive_message_length", _MAX_ANSWER),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.default_authority", "localhost"),
        ],
    )


VERSION = "v1beta1"
OPTIONS = dp.DevicePluginOptions(pre_start_required=False, get_preferred_allocation_available=True)

REGISTRATION = "v1beta1.Registration"
DEVICE_PLUGIN = "v1beta1.DevicePlugin"
POD_RESOURCES = "v1.PodResourcesLister"

REGISTER = Method(REGISTRATION, "Register", dp.RegisterRequest, dp.Empty)
GET_OPTIONS = Method(DEVICE_PLUGIN, "GetDevicePluginOptions", dp.Empty, dp.DevicePluginOptions)
LIST_AND_WATCH = Method(DEVICE_PLUGIN, "ListAndWatch", dp.Empty, dp.ListAndWatchResponse)
PREFER = Method(
    DEVICE_PLUGIN,
    "GetPreferredAllocation",
    dp.PreferredAllocationRequest,
    dp.PreferredAllocationResponse,
)
ALLOCATE = Method(DEVICE_PLUGIN, "Allocate", dp.AllocateRequest, dp.AllocateResponse)
PRE_START = Method(
    DEVICE_PLUGIN, "PreStartContainer", dp.PreStartContainerRequest, dp.PreStartContainerResponse
)
LIST_PODS = Method(POD_RESOURCES, "List", pr.ListPodResourcesRequest, pr.ListPodResourcesResponse)
