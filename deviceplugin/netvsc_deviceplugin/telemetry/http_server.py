"""/metrics, /healthz and /readyz: the standard library's server in a thread of its own.

No event loop, so that an agent whose loop hangs still answers and says so; no HTTP framework, which
would cost more memory than all the rest of this package.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from netvsc.encoding.hostport import split_host_port
from netvsc.errors import NodeError, RequestError
from netvsc_deviceplugin.concurrency.backoff import Backoff

# A check returns None when all is well, else the reason why not.
Check = Callable[[], str | None]
Checks = Mapping[str, Check]

PATIENCE_S = 20.0  # more than a process needs to die of SIGKILL
_CLIENTS_MAX = 16
_SLOWEST_S = 10.0  # a client that sends nothing for so long is let go
_TEXT = "text/plain; charset=utf-8"


log = logging.getLogger(__name__)


class AddressTakenError(NodeError):
    """Somebody else listens there."""


@asynccontextmanager
async def awaited(
    address: str,
    *,
    registry: CollectorRegistry,
    healthy: Checks,
    ready: Checks,
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[int]:
    """Serve as `serving` does, once whoever has the address lets go of it.

    On the host's network that is our predecessor, who may still be dying after a forced deletion:
    as long as he lives there is nothing for us to do either. Nobody tells when a port becomes free.
    """
    clock = asyncio.get_running_loop().time
    retry, end = Backoff(clock=clock, first_s=0.05, longest_s=0.5), clock() + patience_s
    with ExitStack() as stack:
        while True:
            retry.tried()
            try:
                made = serving(address, registry=registry, healthy=healthy, ready=ready)
                port = stack.enter_context(made)
                break
            except AddressTakenError as error:
                if clock() >= end:
                    raise
                log.debug("%s; waiting for it", error)
                await asyncio.sleep(retry.wait())
        yield port


@contextmanager
def serving(
    address: str, *, registry: CollectorRegistry, healthy: Checks, ready: Checks
) -> Iterator[int]:
    """Serve on `host:port` while the context lasts; yields the port, also where 0 was asked for."""
    pages = {
        "/metrics": lambda accept: _metrics(registry, accept),
        "/healthz": lambda _accept: _verdict(healthy),
        "/readyz": lambda _accept: _verdict(ready),
    }
    server = _bound(address, pages)
    thread = threading.Thread(target=server.serve_forever, name="httpd", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_Request = socket.socket | tuple[bytes, socket.socket]  # as socketserver has it
_Answer = tuple[HTTPStatus, str, bytes]
_Pages = Mapping[str, Callable[[str], _Answer]]


def _bound(address: str, pages: _Pages) -> ThreadingHTTPServer:
    try:
        return _Server(split_host_port(address, example="0.0.0.0:9470"), _handler(pages))
    except RequestError as error:
        raise NodeError(f"cannot listen on {error}") from None
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        raise (AddressTakenError if taken else NodeError)(
            f"cannot listen on {address!r}: {error}; choose another --listen"
        ) from error


class _Server(ThreadingHTTPServer):
    """Hangs up on the oldest client where there are too many: each is a thread, and memory.

    The port is open to whoever reaches the node, and the kubelet's probes must get through.
    """

    daemon_threads = True  # a scrape that hangs must not hold up the exit
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._clients: dict[object, None] = {}  # in the order in which they came
        self._lock = threading.Lock()
        super().__init__(address, handler)

    def process_request(self, request: _Request, client_address: object) -> None:
        with self._lock:
            while len(self._clients) >= _CLIENTS_MAX:
                oldest = next(iter(self._clients))
                del self._clients[oldest]
                _hang_up(oldest)
            self._clients[request] = None
        super().process_request(request, client_address)

    def close_request(self, request: _Request) -> None:
        with self._lock:
            self._clients.pop(request, None)
        super().close_request(request)

    def handle_error(self, request: _Request, client_address: object) -> None:
        """Pass over clients that went, by themselves or by us; all else is a fault of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _hang_up(client: object) -> None:
    """Let its thread find the end of what it reads, and close."""
    if isinstance(client, socket.socket):
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


def _handler(pages: _Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SLOWEST_S

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            if page is None:
                self._send(HTTPStatus.NOT_FOUND, _TEXT, "\n".join(pages).encode() + b"\n")
            else:
                self._send(*page(self.headers.get("Accept", "")))

        def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its signature)
            """Say nothing: probes and scrapes come every few seconds."""

    return Handler


def _metrics(registry: CollectorRegistry, accept: str) -> _Answer:
    encode, kind = choose_encoder(accept)
    return HTTPStatus.OK, kind, encode(registry)


def _verdict(checks: Checks) -> _Answer:
    """Answer 200 if every check passes, else 503 with one line for each that does not."""
    reasons = {name: check() for name, check in checks.items()}
    failed = [f"{name}: {why}" for name, why in reasons.items() if why is not None]
    status = HTTPStatus.SERVICE_UNAVAILABLE if failed else HTTPStatus.OK
    return status, _TEXT, ("\n".join(failed or ["ok"]) + "\n").encode()


def registered(
    registrations: Callable[[], Mapping[str, bool]], *, wanted: Callable[[], Collection[object]]
) -> Check:
    """Check that the kubelet knows every resource; where no pool is `wanted` there is none."""

    def check() -> str | None:
        known = registrations()
        if not known and not wanted():
            return None
        missing = sorted(resource for resource, there in known.items() if not there)
        if not known:
            return "no pool is served yet"
        return f"the kubelet does not know {', '.join(missing)}" if missing else None

    return check


def fresh(
    last_scan: Callable[[], float | None],
    *,
    deadline_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> Check:
    """Check that the last scan, at a time of `clock`, is younger than `deadline_s`."""

    def check() -> str | None:
        at = last_scan()
        if at is None:
            return "the node was not scanned yet"
        age = clock() - at
        return f"the last scan is {age:.0f} s old" if age > deadline_s else None

    return check
