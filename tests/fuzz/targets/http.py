"""The apiserver's answers, as bytes on a connection: a watch's lines, and objects."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from functools import partial

from fuzz.engine import Target
from fuzz.mutate import raw
from netvsc.errors import NetvscError
from netvsc_deviceplugin.apiserver.access import Access
from netvsc_deviceplugin.apiserver.client import Client
from netvsc_deviceplugin.apiserver.http11 import Connection, _Open
from netvsc_deviceplugin.netvscnode.watch import NodeWatch

_LOOP = asyncio.new_event_loop()


class _Writer:
    """Takes what is asked; the answer is there already."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.transport = self

    def write(self, _data: bytes) -> None: ...

    async def drain(self) -> None: ...

    def abort(self) -> None: ...


def answered(connection: Connection, data: bytes) -> Connection:
    """Return it with an answer that is there already, whatever it asks."""
    connection._connect = partial(_connect, connection, data)  # type: ignore[method-assign]
    return connection


def _client(data: bytes) -> Client:
    client = Client(Access(server="http://127.0.0.1:1"))
    for connection in (client._short, client._long):
        answered(connection, data)
    return client


async def _connect(connection: Connection, data: bytes) -> _Open:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    connection._open = _Open(reader, _Writer(reader))  # type: ignore[arg-type]
    return connection._open


async def _follow(data: bytes) -> None:
    """List, then watch what comes behind the list on the same connection."""
    watch = NodeWatch(_client(data), "n1")
    for version in (None, "7"):
        watch._version = version
        with contextlib.suppress(NetvscError):
            await watch._once()
        watch.uid()


def answer(data: bytes) -> None:
    """An object or a watch comes to an end: read, refused, or not understood."""
    logging.disable(logging.CRITICAL)
    try:
        _LOOP.run_until_complete(_follow(data))
    finally:
        logging.disable(logging.NOTSET)


TARGETS = (Target(name="apiserver", check=answer, mutate=raw),)
