"""A kubelet for one folder: what the real one says over the v1beta1 and v1 sockets, and no more.

    async with Kubelet(folder) as kubelet:
        await kubelet.registered("netvsc.io/pair")
        devices = await kubelet.devices("netvsc.io/pair", until=lambda found: len(found) == 3)
        answer = await kubelet.allocate("netvsc.io/pair", "00-0d-3a-c0-00-11")

It follows Kubernetes 1.36, pkg/kubelet/cm/devicemanager: sockets are removed at start, a plugin is
dialled while it registers, its ListAndWatch is read until it ends; and when it ends, the plugin
that is registered under its name is let go, even if that is a newer one (runClient, handler.go).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc
import grpc.aio

from netvsc_deviceplugin.kubelet.api import deviceplugin_v1beta1_pb2 as dp
from netvsc_deviceplugin.kubelet.api import methods
from netvsc_deviceplugin.kubelet.api import podresources_v1_pb2 as pr

PATIENCE = 10.0  # seconds after which an awaited condition fails the test
_CALL = 5.0  # seconds for one call

Devices = Mapping[str, dp.Device]
Holder = tuple[str, str, str]  # namespace, pod, container
_AGENT: Holder = ("netvsc-system", "netvsc-deviceplugin", "deviceplugin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One ListAndWatch message, at a monotonic time."""

    at: float
    devices: Devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A registration that the kubelet took."""

    endpoint: str
    options: dp.DevicePluginOptions
    channel: grpc.aio.Channel
    stream: asyncio.Task[None]


@dataclass(slots=True)
class _Log:
    registrations: list[float] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


class Kubelet:
    """`folder` takes the role of /var/lib/kubelet: device-plugins and pod-resources are in it.

    `blank`: it has just started, and lists no pod; otherwise the agent's own is always there.
    `drop`: so many registrations it takes and lets go of before it listens, as it does where the
    stream of an older plugin of that name ends just then (runClient).
    """

    def __init__(self, folder: Path) -> None:
        self.plugins_folder = folder / "device-plugins"
        self.podresources = folder / "pod-resources" / "kubelet.sock"
        self.refuse: str | None = None
        self.blank = False
        self.drop = 0
        self.pods: dict[Holder, dict[str, list[str]]] = {}
        self.looks = 0
        self.refusals = 0
        self._plugins: dict[str, Plugin] = {}
        self._streams: set[asyncio.Task[None]] = set()
        self._logs: dict[str, _Log] = {}
        self._servers: list[grpc.aio.Server] = []
        self._changed = asyncio.Condition()
        self.plugins_folder.mkdir(parents=True, exist_ok=True)
        self.podresources.parent.mkdir(parents=True, exist_ok=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> float:
        """Remove every socket in the folder, then listen; return the time at which it did."""
        _remove_sockets(self.plugins_folder)
        _remove_sockets(self.podresources.parent)
        self._servers = [
            await _server(self.plugins_folder / "kubelet.sock", self._registration()),
            await _server(self.podresources, self._pod_resources()),
        ]
        return time.monotonic()

    async def stop(self) -> None:
        """Let go of every plugin and close the sockets, as SIGTERM does."""
        self._plugins = {}
        for stream in self._streams:
            stream.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)
        servers, self._servers = self._servers, []
        for server in servers:
            await server.stop(None)

    async def restart(self) -> float:
        """Stop and start; return the time at which the new one listens."""
        await self.stop()
        return await self.start()

    async def crash(self) -> None:
        """Stop as SIGKILL does: the socket files stay, and nobody answers on them."""
        await self.stop()
        for path in (self.plugins_folder / "kubelet.sock", self.podresources):
            with socket.socket(socket.AF_UNIX) as left:
                left.bind(str(path))

    async def let_go(self, resource: str) -> None:
        """End the connection to one plugin, and stay."""
        plugin = self._plugins.pop(resource)
        plugin.stream.cancel()
        await asyncio.gather(plugin.stream, return_exceptions=True)

    async def registered(self, resource: str, *, since: float = float("-inf")) -> float:
        """Wait for a registration later than `since`; return its time."""

        def found() -> bool:
            return any(at >= since for at in self._log(resource).registrations)

        await self._until(found, f"{resource} registered")
        return next(at for at in self._log(resource).registrations if at >= since)

    async def devices(
        self,
        resource: str,
        *,
        until: Callable[[Devices], bool] = lambda _devices: True,
        since: float = float("-inf"),
    ) -> Devices:
        """Wait until the last message, if not older than `since`, says what `until` wants.

        A plugin that let go says nothing, whatever its last message was.
        """

        def found() -> bool:
            messages = self.messages(resource) if resource in self._plugins else ()
            return bool(messages) and messages[-1].at >= since and until(messages[-1].devices)

        await self._until(found, f"devices of {resource}")
        return self.messages(resource)[-1].devices

    async def looked(self, times: int) -> None:
        """Wait until podresources has been listed so often."""
        await self._until(lambda: self.looks >= times, f"{times} looks at podresources")

    async def refused(self, times: int) -> None:
        """Wait until registrations were refused so often."""
        await self._until(lambda: self.refusals >= times, f"{times} refusals")

    async def gone(self, resource: str) -> None:
        """Wait until the plugin of `resource` ended its ListAndWatch."""
        await self._until(lambda: resource not in self._plugins, f"{resource} gone")

    def messages(self, resource: str) -> Sequence[Message]:
        return self._log(resource).messages

    def registrations(self, resource: str) -> Sequence[float]:
        return self._log(resource).registrations

    def plugin(self, resource: str) -> Plugin:
        return self._plugins[resource]

    async def allocate(self, resource: str, *ids: str) -> dp.ContainerAllocateResponse:
        """Ask for one container; raises grpc.aio.AioRpcError where the plugin refuses."""
        request = dp.AllocateRequest(
            container_requests=[dp.ContainerAllocateRequest(devices_ids=ids)]
        )
        channel = self._plugins[resource].channel
        answer = await methods.ALLOCATE.call(channel, request, timeout_s=_CALL)
        return answer.container_responses[0]

    async def prefer(
        self, resource: str, *, available: Sequence[str], must: Sequence[str] = (), size: int
    ) -> Sequence[str]:
        request = dp.PreferredAllocationRequest(
            container_requests=[
                dp.ContainerPreferredAllocationRequest(
                    available_deviceIDs=available,
                    must_include_deviceIDs=must,
                    allocation_size=size,
                )
            ]
        )
        channel = self._plugins[resource].channel
        answer = await methods.PREFER.call(channel, request, timeout_s=_CALL)
        return list(answer.container_responses[0].deviceIDs)

    async def pre_start(self, resource: str, *ids: str) -> dp.PreStartContainerResponse:
        request = dp.PreStartContainerRequest(devices_ids=ids)
        return await methods.PRE_START.call(
            self._plugins[resource].channel, request, timeout_s=_CALL
        )

    def admit(self, pod: str, resource: str, *ids: str, container: str = "main") -> None:
        """Let podresources show that a container holds these devices."""
        self.pods.setdefault(("default", pod, container), {})[resource] = list(ids)

    def end(self, pod: str) -> None:
        """Let podresources show a pod no longer."""
        self.pods = {holder: held for holder, held in self.pods.items() if holder[1] != pod}

    def _log(self, resource: str) -> _Log:
        return self._logs.setdefault(resource, _Log())

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            raise AssertionError(f"not within {PATIENCE:.0f} s: {what}") from None

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _registration(self) -> grpc.GenericRpcHandler:
        return methods.handlers(methods.REGISTRATION, methods.REGISTER.answered(self._register))

    async def _register(self, request: dp.RegisterRequest, context: methods.Context) -> dp.Empty:
        """Dial back before answering, as the real one does."""
        if self.refuse:
            self.refusals += 1
            await self._tell()
            await context.abort(grpc.StatusCode.UNAVAILABLE, self.refuse)
        resource = request.resource_name
        channel = methods.channel(self.plugins_folder / request.endpoint)
        options = await methods.GET_OPTIONS.call(channel, dp.Empty(), timeout_s=_CALL)
        stream = asyncio.create_task(self._listen(resource, channel))
        self._streams.add(stream)
        stream.add_done_callback(self._streams.discard)
        self._plugins[resource] = Plugin(
            endpoint=request.endpoint, options=options, channel=channel, stream=stream
        )
        self._log(resource).registrations.append(time.monotonic())
        await self._tell()
        return dp.Empty()

    async def _listen(self, resource: str, channel: grpc.aio.Channel) -> None:
        async with channel:
            if self.drop:
                self.drop -= 1
                del self._plugins[resource]
                return
            with contextlib.suppress(grpc.aio.AioRpcError):
                async for answer in methods.LIST_AND_WATCH.listen(channel, dp.Empty()):
                    devices = {device.ID: device for device in answer.devices}
                    message = Message(at=time.monotonic(), devices=devices)
                    self._log(resource).messages.append(message)
                    await self._tell()
        if resource in self._plugins:
            self._plugins.pop(resource).stream.cancel()
        await self._tell()

    def _pod_resources(self) -> grpc.GenericRpcHandler:
        return methods.handlers(methods.POD_RESOURCES, methods.LIST_PODS.answered(self._list))

    async def _list(
        self, _request: pr.ListPodResourcesRequest, _context: methods.Context
    ) -> pr.ListPodResourcesResponse:
        self.looks += 1
        await self._tell()
        listed = {} if self.blank else {_AGENT: dict[str, list[str]](), **self.pods}
        return pr.ListPodResourcesResponse(
            pod_resources=[_pod(holder, held) for holder, held in listed.items()]
        )


def _pod(holder: Holder, held: Mapping[str, Sequence[str]]) -> pr.PodResources:
    namespace, pod, container = holder
    devices = [
        pr.ContainerDevices(resource_name=resource, device_ids=ids)
        for resource, ids in held.items()
    ]
    containers = [pr.ContainerResources(name=container, devices=devices)]
    return pr.PodResources(name=pod, namespace=namespace, containers=containers)


def _remove_sockets(folder: Path) -> None:
    for path in folder.iterdir():
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()


async def _server(path: Path, handlers: grpc.GenericRpcHandler) -> grpc.aio.Server:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handlers,))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    return server
