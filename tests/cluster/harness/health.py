"""Asking a component inside the node whether it works."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from cluster.harness import namespaces

_SECONDS = 5


def healthy(pid: int, url: str) -> bool:
    """Whether a URL answers 200 in the network of a process; no answer is a no."""
    asked = urlsplit(url)
    host, port = asked.hostname or "", asked.port or 0
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    try:
        connection.sock = namespaces.connect(pid, host, port, seconds=_SECONDS)
        if asked.scheme == "https":
            connection.sock = _anybody().wrap_socket(connection.sock)
        connection.request("GET", asked.path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _anybody() -> ssl.SSLContext:
    """Some components make their own certificate, and a health check carries no secret."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
