"""One resource's socket in the kubelet's folder: serve on it, register it, take it away."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import stat
from pathlib import Path

import grpc
import grpc.aio

from netvsc.errors import NodeError
from netvsc_deviceplugin.kubelet.api import deviceplugin_v1beta1_pb2 as dp
from netvsc_deviceplugin.kubelet.api import methods

_PREFIX = "netvsc.io_"
_LONGEST_PATH = 107  # bytes: sun_path less its NUL, include/uapi/linux/un.h
_REGISTER_TIMEOUT_S = 5.0

Handlers = grpc.GenericRpcHandler


def socket_name(resource: str) -> str:
    """Return a new file name at each call.

    gRPC removes a server's socket by name some time after its stop: a name used twice would have
    the old server take away the new one's.
    """
    name = resource.partition("/")[2][:32]  # the path is bounded, a resource's name is longer
    return f"{_PREFIX}{name}-{secrets.token_hex(4)}.sock"


def remove_stale(folder: Path) -> tuple[str, ...]:
    """Remove sockets that an agent left behind when it was killed; return their names."""
    stale = [path for path in folder.glob(f"{_PREFIX}*.sock") if _is_stale(path)]
    for path in stale:
        path.unlink(missing_ok=True)
    return tuple(path.name for path in stale)


def _is_stale(path: Path) -> bool:
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
    except FileNotFoundError:  # the kubelet clears the folder too
        return False
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        return probe.connect_ex(os.fspath(path)) == errno.ECONNREFUSED


class Endpoint:
    """A resource with its handlers; `serving` is asked of the file system each time."""

    def __init__(self, resource: str, handlers: Handlers, *, folder: Path) -> None:
        self.resource = resource
        self.handlers = handlers
        self._folder = folder
        self._server: grpc.aio.Server | None = None
        self._path = folder / socket_name(resource)

    @property
    def serving(self) -> bool:
        return self._server is not None and self._path.exists()

    async def serve(self) -> None:
        """Listen on a new socket; the one before, if any, is closed."""
        await self.close()
        self._path = self._folder / socket_name(self.resource)
        if len(os.fsencode(self._path)) > _LONGEST_PATH:
            raise NodeError(
                f"socket {self._path}: longer than {_LONGEST_PATH} bytes; use a shorter folder"
            )
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((self.handlers,))
        try:
            server.add_insecure_port(f"unix:{self._path}")
        except RuntimeError as error:
            raise NodeError(f"cannot listen on {self._path}: {error}") from error
        await server.start()
        self._server = server

    async def register(self, kubelet: Path) -> None:
        """Tell the kubelet of the socket; raises grpc.aio.AioRpcError."""
        request = dp.RegisterRequest(
            version=methods.VERSION,
            endpoint=self._path.name,
            resource_name=self.resource,
            options=methods.OPTIONS,
        )
        async with methods.channel(kubelet) as channel:
            await methods.REGISTER.call(channel, request, timeout_s=_REGISTER_TIMEOUT_S)

    async def close(self) -> None:
        """End every call, stop listening and remove the socket."""
        if self._server:
            await self._server.stop(None)
            self._server = None
        self._path.unlink(missing_ok=True)
