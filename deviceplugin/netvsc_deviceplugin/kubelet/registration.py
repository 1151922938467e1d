"""Keeps every resource registered with the kubelet of the moment; knows nothing of devices.

Level-triggered: anything that happens in the kubelet's folder, a stream that ends, a resource more
or less are hints to compare what is wanted with what is there. A kubelet that starts removes all
sockets from the folder and makes a new kubelet.sock; so each new kubelet.sock means: serve again if
the socket is gone, and register.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import grpc.aio

from netvsc.errors import NodeError
from netvsc.host.inotify import watching
from netvsc_deviceplugin.concurrency.backoff import Backoff
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.wakeup import Wakeup
from netvsc_deviceplugin.kubelet.endpoint import Endpoint, Handlers, remove_stale

log = logging.getLogger(__name__)

KUBELET = "kubelet.sock"
LISTEN_S = 30.0  # a kubelet asks for the devices at once, a busy one a little later
Identity = tuple[int, int, int]


class Meter(Protocol):
    """What is reported."""

    def registered(self, result: Literal["accepted", "failed"]) -> None: ...


@dataclass(slots=True, kw_only=True)
class _ResourceState:
    """How one resource stands: `kubelet` is the one last tried, `accepted` what it said."""

    endpoint: Endpoint
    retry: Backoff
    kubelet: Identity | None = None
    accepted: bool = False
    accepted_at: float = 0.0
    complained: bool = False
    listeners: int = 0


class Registration:
    """Owns the sockets in `folder`; call `want` to say which resources there shall be.

    `registered` tells for each of them whether the kubelet knows it.
    """

    def __init__(
        self,
        *,
        folder: Path,
        meter: Meter,
        accepted: Callable[[str], None] = lambda _resource: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registered: Latest[Mapping[str, bool]] = Latest({})
        self._folder = folder
        self._meter = meter
        self._accepted = accepted
        self._clock = clock
        self._wanted: Mapping[str, Handlers] = {}
        self._states: dict[str, _ResourceState] = {}
        self._wakeup = Wakeup()
        self._watched: int | None = None

    def want(self, resources: Mapping[str, Handlers]) -> None:
        """Serve these resources and no others."""
        self._wanted = dict(resources)
        self._publish()
        self._wakeup.set()

    def listeners(self, resource: str, change: int) -> None:
        """Hear that ListAndWatch streams began or ended: without one, the kubelet has let go.

        It does so also by mistake: when the stream of an agent that was upgraded ends, it drops
        the plugin of that name, which is the new one by then (Kubernetes 1.36, devicemanager,
        runClient in plugin/v1beta1/handler.go). Registering again is the cure.
        """
        state = self._states.get(resource)
        if state is None:
            return
        state.listeners += change
        if state.listeners == 0:
            state.accepted = False
            self._publish()
            self._wakeup.set()

    async def run(self) -> None:
        """Keep things so until cancelled; then the sockets are closed and removed."""
        with watching(self._folder, changed=self._wakeup.set):
            self._watched = _folder_number(self._folder)
            for name in remove_stale(self._folder):
                log.info("removed the socket %s of an agent that is gone", name)
            try:
                while True:
                    wait = await self._compare()
                    self._publish()
                    await self._wakeup.wait(wait)
            finally:
                await asyncio.gather(*(one.endpoint.close() for one in self._states.values()))

    async def _compare(self) -> float | None:
        """Do what is to be done now; return in how many seconds to look again, None if never."""
        self._check_folder()
        await self._drop()
        for resource, handlers in self._wanted.items():
            if resource not in self._states:
                self._states[resource] = self._new(resource, handlers)
        kubelet = self._kubelet()
        if kubelet is None:
            for state in self._states.values():
                state.accepted = False
            return None
        waits = await asyncio.gather(
            *(self._settle(state, kubelet) for state in self._states.values())
        )
        return min((wait for wait in waits if wait is not None), default=None)

    def _new(self, resource: str, handlers: Handlers) -> _ResourceState:
        endpoint = Endpoint(resource, handlers, folder=self._folder)
        return _ResourceState(endpoint=endpoint, retry=Backoff(clock=self._clock))

    async def _drop(self) -> None:
        for resource, state in list(self._states.items()):
            if self._wanted.get(resource) is not state.endpoint.handlers:
                del self._states[resource]
                await state.endpoint.close()

    async def _settle(self, state: _ResourceState, kubelet: Identity) -> float | None:
        """Serve and register one resource if need be; return as _compare does."""
        if state.kubelet != kubelet:
            state.kubelet, state.accepted, state.complained = kubelet, False, False
            state.retry.reset()
        if not state.endpoint.serving:
            state.accepted = False
            await state.endpoint.serve()
        if state.accepted and (state.listeners or (left := self._unheard(state)) > 0):
            return None if state.listeners else left
        if state.accepted:
            log.warning(
                "registered %s, but the kubelet opened no ListAndWatch stream",
                state.endpoint.resource,
            )
            state.accepted = False
        if wait := state.retry.wait():
            return wait
        await self._register(state)
        if state.accepted:
            return None if state.listeners else self._unheard(state)
        return state.retry.wait()

    def _unheard(self, state: _ResourceState) -> float:
        """Return how long the kubelet may still take to listen.

        One that lets an older plugin of that name go may drop the new one before it has listened,
        and then no stream ends that would tell (runClient, as `listeners` says).
        """
        return state.accepted_at + LISTEN_S - self._clock()

    async def _register(self, state: _ResourceState) -> None:
        resource = state.endpoint.resource
        state.retry.tried()
        try:
            await state.endpoint.register(self._folder / KUBELET)
        except grpc.aio.AioRpcError as error:
            self._meter.registered("failed")
            level = logging.DEBUG if state.complained else logging.WARNING
            log.log(level, "the kubelet does not accept %s yet: %s", resource, error.details())
            state.complained = True
            return
        state.accepted, state.complained = True, False
        state.accepted_at = self._clock()
        self._publish()
        self._meter.registered("accepted")
        log.info("registered %s with the kubelet", resource)
        self._accepted(resource)

    def _publish(self) -> None:
        known = {resource for resource, one in self._states.items() if one.accepted}
        self.registered.set({resource: resource in known for resource in self._wanted})

    def _check_folder(self) -> None:
        """Raise NodeError if the folder is not the one that is watched: we should be deaf."""
        if _folder_number(self._folder) != self._watched:
            raise NodeError(
                f"{self._folder} was removed or replaced: restart the agent, so that the "
                "kubelet's new folder is mounted"
            )

    def _kubelet(self) -> Identity | None:
        """Tell kubelets apart by their socket: made anew by each, so never alike in all three."""
        return _identity(self._folder / KUBELET)


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _folder_number(folder: Path) -> int | None:
    """Tell folders apart: an inode's number is not used again while it is watched."""
    return folder.stat().st_ino if folder.is_dir() else None
