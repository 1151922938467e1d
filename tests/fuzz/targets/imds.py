"""Answers of Azure's metadata service: HTTP, and the document in it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress

from fuzz.engine import Target
from fuzz.mutate import raw, structured
from fuzz.targets.http import answered
from netvsc.errors import NodeError
from netvsc_deviceplugin.apiserver.access import Access
from netvsc_deviceplugin.apiserver.http11 import Connection
from netvsc_deviceplugin.inventory.imds import client
from netvsc_deviceplugin.inventory.imds import document as imds_document
from netvsc_deviceplugin.kernel.addresses import NicAddresses, merge

_ENDPOINT = client.ImdsEndpoint(host="169.254.169.254", port=80)
_LOOP = asyncio.new_event_loop()
_KERNEL = NicAddresses(addresses=("10.0.1.4/24",))


def document(data: bytes) -> None:
    """Every address that is believed is one, and can be weighed against the kernel's."""
    try:
        told = imds_document.parse(data)
    except NodeError:
        return
    for own in told.values():
        for text in (*own.addresses, *own.gateways):
            ipaddress.ip_interface(text)
            assert text.isprintable(), text
        merge(_KERNEL, own)
        merge(NicAddresses(), own)


def body(data: bytes) -> bytes:
    """Return what is read of an answer; raises NodeError where it is none."""
    connection = answered(Connection(Access(server=str(_ENDPOINT))), data)
    asked = client._asked(connection, _ENDPOINT, "/metadata", timeout_s=5)
    return _LOOP.run_until_complete(asked)


def answer(data: bytes) -> None:
    with contextlib.suppress(NodeError):
        body(data)


TARGETS = (
    Target(name="imds", check=document, mutate=structured),
    Target(name="imds-http", check=answer, mutate=raw),
)
