"""Addresses to listen on, as people write them: `0.0.0.0:9470`, `[::]:9470`."""

from __future__ import annotations

from netvsc.errors import RequestError

_PORT_MAX = 65535


def split_host_port(text: str, *, example: str) -> tuple[str, int]:
    """Return host and port; raises RequestError, with an `example` of what to write."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > _PORT_MAX:
        raise RequestError(f"{text!r}: write host:port, such as {example}")
    return host.strip("[]"), int(port)
