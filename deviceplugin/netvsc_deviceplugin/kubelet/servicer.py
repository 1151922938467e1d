"""A plugin in the kubelet's words: messages in and out, errors as gRPC statuses."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Literal, Protocol

import grpc

from netvsc.errors import NetvscError, RequestError
from netvsc_deviceplugin.concurrency.ratelimit import RateLimit, paced
from netvsc_deviceplugin.kubelet.api import deviceplugin_v1beta1_pb2 as dp
from netvsc_deviceplugin.kubelet.api import methods
from netvsc_deviceplugin.kubelet.devices.allocation import Grant
from netvsc_deviceplugin.kubelet.devices.health import Device
from netvsc_deviceplugin.kubelet.plugin import Plugin, UnknownPairError

log = logging.getLogger(__name__)

AllocateResult = Literal["granted", "refused", "failed"]


class Meter(Protocol):
    """What is reported."""

    def allocated(self, result: AllocateResult, seconds: float) -> None: ...


Namer = Callable[[Sequence[str]], Sequence[str]]


def _unnamed(_ids: Sequence[str]) -> Sequence[str]:
    return ()


class DevicePluginServicer:
    """Serves one plugin. `record` keeps what was granted, before the kubelet is answered.

    `cdi` gives the CDI names of pairs, once what was granted is recorded.
    """

    def __init__(
        self,
        plugin: Plugin,
        *,
        record: Callable[[tuple[Grant, ...]], None],
        meter: Meter,
        listeners: Callable[[int], None],
        cdi: Namer = _unnamed,
    ) -> None:
        self._plugin = plugin
        self._cdi = cdi
        self._record = record
        self._meter = meter
        self._listeners = listeners

    def handlers(self) -> grpc.GenericRpcHandler:
        return methods.handlers(
            methods.DEVICE_PLUGIN,
            methods.GET_OPTIONS.answered(self.options),
            methods.LIST_AND_WATCH.streamed(self.list_and_watch),
            methods.PREFER.answered(self.prefer),
            methods.ALLOCATE.answered(self.allocate),
            methods.PRE_START.answered(self.pre_start),
        )

    async def options(
        self, _request: dp.Empty, _context: methods.Context
    ) -> dp.DevicePluginOptions:
        return methods.OPTIONS

    async def list_and_watch(
        self, _request: dp.Empty, _context: methods.Context
    ) -> AsyncIterator[dp.ListAndWatchResponse]:
        """Tell the devices now and whenever they change; tell `listeners` who comes and goes."""
        self._listeners(+1)
        try:
            async for devices in paced(self._plugin.devices, pace=RateLimit()):
                yield dp.ListAndWatchResponse(devices=[_device(device) for device in devices])
        finally:
            self._listeners(-1)

    async def prefer(
        self, request: dp.PreferredAllocationRequest, _context: methods.Context
    ) -> dp.PreferredAllocationResponse:
        return dp.PreferredAllocationResponse(
            container_responses=[
                dp.ContainerPreferredAllocationResponse(
                    deviceIDs=self._plugin.preferred(
                        available=set(asked.available_deviceIDs),
                        must=tuple(asked.must_include_deviceIDs),
                        size=asked.allocation_size,
                    )
                )
                for asked in request.container_requests
            ]
        )

    async def allocate(
        self, request: dp.AllocateRequest, context: methods.Context
    ) -> dp.AllocateResponse:
        began = time.perf_counter()
        result: AllocateResult = "failed"
        try:
            asked = [tuple(one.devices_ids) for one in request.container_requests]
            grants = self._plugin.allocate(asked)
            self._record(grants)
            result = "granted"
            answers = [
                _answer(grant, self._cdi(ids)) for ids, grant in zip(asked, grants, strict=True)
            ]
            return dp.AllocateResponse(container_responses=answers)
        except NetvscError as error:
            result = "refused" if isinstance(error, RequestError) else "failed"
            log.warning("Allocate %s: %s", result, error)
            await context.abort(_status(error), str(error))
        finally:
            self._meter.allocated(result, time.perf_counter() - began)

    async def pre_start(
        self, _request: dp.PreStartContainerRequest, _context: methods.Context
    ) -> dp.PreStartContainerResponse:
        """Answer all the same: a kubelet that asks although we did not want it must not fail."""
        return dp.PreStartContainerResponse()


def _device(device: Device) -> dp.Device:
    nodes = [] if device.numa_node is None else [dp.NUMANode(ID=device.numa_node)]
    return dp.Device(
        ID=device.id,
        health="Healthy" if device.healthy else "Unhealthy",
        topology=dp.TopologyInfo(nodes=nodes) if nodes else None,
    )


def _answer(grant: Grant, cdi: Sequence[str]) -> dp.ContainerAllocateResponse:
    return dp.ContainerAllocateResponse(
        envs=grant.env,
        devices=[
            dp.DeviceSpec(container_path=node, host_path=node, permissions="rw")
            for node in grant.nodes
        ],
        cdi_devices=[dp.CDIDevice(name=name) for name in cdi],
    )


def _status(error: NetvscError) -> grpc.StatusCode:
    if isinstance(error, UnknownPairError):
        return grpc.StatusCode.NOT_FOUND
    if isinstance(error, RequestError):
        return grpc.StatusCode.FAILED_PRECONDITION
    return grpc.StatusCode.INTERNAL
