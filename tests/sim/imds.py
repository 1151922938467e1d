"""Azure's metadata service, as far as NICs go: what the documentation says it answers.

    with Imds(host.netns) as imds:
        imds.give("00:0d:3a:00:00:02", "10.0.1.4", subnet="10.0.1.0/24")

It listens in a network namespace of ip-netns(8), or with None in the caller's own. Requests without
`Metadata: true`, through a proxy, or for an unknown version are refused as Azure refuses them.
"""

from __future__ import annotations

import json
import socket
import threading
import urllib.parse
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from sim.kernel.netns import within

LINK_LOCAL = "169.254.169.254"
_PATH = "/metadata/instance/network"
_VERSIONS = {"2017-04-02", "2019-11-01", "2021-02-01"}


def nic(
    mac: str, *addresses: str, subnet: str | None = None, ipv6: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return a NIC that has these addresses; Azure tells the subnet of IPv4 alone."""
    subnets = []
    if subnet:
        address, _, prefix = subnet.partition("/")
        subnets = [{"address": address, "prefix": prefix}]
    return {
        "ipv4": {"ipAddress": [_address(one) for one in addresses], "subnet": subnets},
        "ipv6": {"ipAddress": [_address(one) for one in ipv6]},
        "macAddress": mac.replace(":", "").upper(),
    }


def document(*nics: dict[str, Any]) -> dict[str, Any]:
    return {"interface": list(nics)}


class Imds:
    """A context manager; `refuse` answers every good request with this status instead.

    `asked` counts requests; `silent` lets them wait until the service stops.
    """

    def __init__(self, netns: str | None = None, *, at: str = "127.0.0.1", port: int = 0) -> None:
        self.nics: dict[str, Any] = {}
        self.refuse: HTTPStatus | None = None
        self.silent = False
        self.asked = 0
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        sock = within(netns, _socket) if netns else _socket()
        self._server = _Server((at, port), _handler(self), bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = sock
        self._server.server_bind()
        self._server.server_activate()
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def give(
        self, mac: str, *addresses: str, subnet: str | None = None, ipv6: tuple[str, ...] = ()
    ) -> None:
        self.nics[mac] = nic(mac, *addresses, subnet=subnet, ipv6=ipv6)

    def document(self) -> dict[str, Any]:
        return document(*self.nics.values())

    def wait_asked(self, times: int) -> None:
        """Wait until it was asked so often; fails after ten seconds."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.asked >= times, 10), self.asked

    def count(self) -> None:
        with self._changed:
            self.asked += 1
            self._changed.notify_all()
        if self.silent:
            self._stopping.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that left: the agent does when it stops."""


def _socket() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def _address(private: str) -> dict[str, str]:
    return {"privateIpAddress": private, "publicIpAddress": ""}


def _handler(imds: Imds) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            imds.count()
            status = _verdict(self.path, dict(self.headers.items())) or imds.refuse
            if status:
                self._send(status, {"error": status.phrase})
            else:
                self._send(HTTPStatus.OK, imds.document())

        def do_POST(self) -> None:
            self._send(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "Method Not Allowed"})

        def _send(self, status: HTTPStatus, content: Any) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its signature)
            pass

    return Handler


def _verdict(path: str, headers: dict[str, str]) -> HTTPStatus | None:
    """Return why Azure would refuse a request; None if it would not."""
    parts = urllib.parse.urlsplit(path)
    version = urllib.parse.parse_qs(parts.query).get("api-version", [""])[0]
    if headers.get("Metadata", "").lower() != "true" or "X-Forwarded-For" in headers:
        return HTTPStatus.BAD_REQUEST
    if version not in _VERSIONS:
        return HTTPStatus.BAD_REQUEST
    return None if parts.path == _PATH else HTTPStatus.NOT_FOUND
