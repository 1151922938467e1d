"""/metrics, /healthz and /readyz: the standard library's server in a thread of its own.

No event loop, so that an agent whose loop hangs still answers and says so; no HTTP framework, which
would cost more memory than all the rest of this package.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from netvsc.errors import NodeError

# A check returns None when all is well, else the reason why not.
Check = Callable[[], str | None]
Checks = Mapping[str, Check]

_SLOWEST_S = 10.0  # a client that sends nothing for so long is let go
_TEXT = "text/plain; charset=utf-8"


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


_Answer = tuple[HTTPStatus, str, bytes]
_Pages = Mapping[str, Callable[[str], _Answer]]


def _bound(address: str, pages: _Pages) -> ThreadingHTTPServer:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise NodeError(f"cannot listen on {address!r}: write host:port, such as 0.0.0.0:9470")
    try:
        return _Server((host.strip("[]"), int(port)), _handler(pages))
    except (OSError, OverflowError) as error:
        raise NodeError(
            f"cannot listen on {address!r}: {error}; choose another --listen"
        ) from error


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a scrape that hangs must not hold up the exit


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
