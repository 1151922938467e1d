"""A way out of a network namespace to one server on the machine's loopback, which can be shut.

    async with Door(netns, "127.0.0.1", 6443) as door:
        door.url          # https://127.0.0.1:<port>, inside the namespace
        door.shut()       # connections end, new ones are refused
        await door.open()

A socket belongs to the namespace that it was made in, whoever serves it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from types import TracebackType
from typing import Self

from sim.kernel.netns import within


class Door:
    def __init__(self, netns: str, host: str, port: int) -> None:
        self._netns = netns
        self._target = host, port
        self._port = 0
        self._server: asyncio.Server | None = None
        self._carriers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.shut()
        await asyncio.gather(*self._carriers, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    async def open(self) -> None:
        """Let new connections in, at the port of before."""
        if not self._server:
            door = within(self._netns, self._listening)
            self._port = door.getsockname()[1]
            self._server = await asyncio.start_server(self._carry, sock=door)

    def shut(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for carrier in self._carriers:
            carrier.cancel()

    def _listening(self) -> socket.socket:
        return socket.create_server(("127.0.0.1", self._port))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carrier = asyncio.current_task()
        if carrier is None:
            raise RuntimeError("a connection is carried by a task")
        self._carriers.add(carrier)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                there_reader, there_writer = await asyncio.open_connection(*self._target)
                try:
                    await asyncio.gather(
                        self._copy(reader, there_writer), self._copy(there_reader, writer)
                    )
                finally:
                    there_writer.transport.abort()
        finally:
            writer.transport.abort()
            self._carriers.discard(carrier)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
