"""Answers of Azure's metadata service: HTTP, and the document in it."""

from __future__ import annotations

import contextlib
import ipaddress

from fuzz.engine import Target
from fuzz.mutate import raw, structured
from netvsc.errors import NodeError
from netvsc_deviceplugin import imds_document, imds_http
from netvsc_deviceplugin.own import Own, known

_ENDPOINT = imds_http.Endpoint(host="169.254.169.254", port=80)
_KERNEL = Own(addresses=("10.0.1.4/24",))


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
        known(_KERNEL, own)
        known(Own(), own)


def answer(data: bytes) -> None:
    with contextlib.suppress(NodeError):
        imds_http._body(data, _ENDPOINT)


TARGETS = (
    Target(name="imds", check=document, mutate=structured),
    Target(name="imds-http", check=answer, mutate=raw),
)
