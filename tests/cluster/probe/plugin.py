"""A device plugin that hands out numbers: enough to see what a kubelet does with one."""

from __future__ import annotations

import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, Any, Self

import grpc

from cluster.probe.inotify import created
from cluster.probe.protocol import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ENV = "CONTRACT_DEVICES"
CLASH = "CONTRACT_CLASH"


class ProbePlugin:
    """Registers as long as it is entered, again with each kubelet; remembers what it was asked."""

    def __init__(
        self, folder: Path, *, resource: str, devices: int, pre_start: bool = False
    ) -> None:
        self.resource = resource
        self.health = {f"device-{number}": "Healthy" for number in range(devices)}
        self.allocated: list[list[str]] = []
        self.prestarted: list[list[str]] = []
        self.registered_at: list[float] = []
        self._folder = folder
        self._pre_start_required = pre_start
        self._endpoint = resource.replace("/", "_") + ".sock"
        self._changed = threading.Condition()
        self._open = True
        self._server: grpc.Server | None = None
        self._watcher = threading.Thread(target=self._follow_kubelet)

    def __enter__(self) -> Self:
        self._watcher.start()
        self.wait_registered(times=1)
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        (self._folder / "probe.wake").touch()
        self._watcher.join()
        (self._folder / "probe.wake").unlink()
        self._stop_serving()

    def mark(self, device: str, health: str) -> None:
        with self._changed:
            self.health[device] = health
            self._changed.notify_all()

    def wait_registered(self, *, times: int, seconds: float = 30) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.registered_at) >= times, seconds):
                raise TimeoutError(f"{self.resource}: {self.registered_at} after {seconds:g} s")

    def _follow_kubelet(self) -> None:
        """Each kubelet empties the folder and makes its socket anew: the moment to register."""
        with created(self._folder) as names:
            if (self._folder / "kubelet.sock").exists():
                self._register()
            for name in names:
                if not self._open:
                    return
                if name == "kubelet.sock":
                    self._register()

    def _register(self) -> None:
        self._stop_serving()
        (self._folder / self._endpoint).unlink(missing_ok=True)
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers([self._handlers()])
        self._server.add_insecure_port(f"unix://{self._folder / self._endpoint}")
        self._server.start()
        request = messages["RegisterRequest"](
            version="v1beta1", endpoint=self._endpoint, resource_name=self.resource
        )
        request.options.pre_start_required = self._pre_start_required
        with grpc.insecure_channel(f"unix://{self._folder / 'kubelet.sock'}") as kubelet:
            register: Any = kubelet.unary_unary(
                "/v1beta1.Registration/Register",
                request_serializer=lambda message: message.SerializeToString(),
            )
            register(request, timeout=10, wait_for_ready=True)
        with self._changed:
            self.registered_at.append(time.monotonic())
            self._changed.notify_all()

    def _stop_serving(self) -> None:
        with self._changed:
            ended, self._server = self._server, None
            self._changed.notify_all()
        if ended:
            ended.stop(grace=None).wait()

    def _handlers(self) -> Any:
        def unary(method: Any, request: str) -> Any:
            return grpc.unary_unary_rpc_method_handler(
                method,
                request_deserializer=messages[request].FromString,
                response_serializer=lambda message: message.SerializeToString(),
            )

        stream: Any = grpc.unary_stream_rpc_method_handler(
            self._list_and_watch,
            request_deserializer=messages["Empty"].FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        methods = {
            "GetDevicePluginOptions": unary(self._options, "Empty"),
            "ListAndWatch": stream,
            "Allocate": unary(self._allocate, "AllocateRequest"),
            "PreStartContainer": unary(self._pre_start, "PreStartContainerRequest"),
        }
        return grpc.method_handlers_generic_handler("v1beta1.DevicePlugin", methods)

    def _options(self, _request: Any, _context: Any) -> Any:
        return messages["DevicePluginOptions"](pre_start_required=self._pre_start_required)

    def _list_and_watch(self, _request: Any, context: Any) -> Iterator[Any]:
        context.add_callback(self._wake)
        mine, sent = self._server, None
        while (listed := self._next_list(sent, lambda: self._serves(mine, context))) is not None:
            yield messages["ListAndWatchResponse"](
                devices=[{"ID": name, "health": health} for name, health in listed.items()]
            )
            sent = listed

    def _serves(self, mine: grpc.Server | None, context: Any) -> bool:
        return self._server is mine and context.is_active()

    def _next_list(
        self, sent: dict[str, str] | None, serves: Callable[[], bool]
    ) -> dict[str, str] | None:
        """The devices once they differ from what was sent; None when nobody listens any more."""
        with self._changed:
            self._changed.wait_for(lambda: self.health != sent or not serves())
            return dict(self.health) if serves() else None

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _allocate(self, request: Any, _context: Any) -> Any:
        answer = messages["AllocateResponse"]()
        for container in request.container_requests:
            devices = sorted(container.devices_ids)
            self.allocated.append(devices)
            envs = answer.container_responses.add().envs
            envs.add(key=ENV, value="+".join(devices))
            envs.add(key=CLASH, value="from-plugin")
        return answer

    def _pre_start(self, request: Any, _context: Any) -> Any:
        self.prestarted.append(sorted(request.devices_ids))
        return messages["PreStartContainerResponse"]()
