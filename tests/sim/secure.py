"""An apiserver behind TLS in a thread of its own, and a proxy: what a person's client meets."""

from __future__ import annotations

import json
import selectors
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from netvsc_operator.certificates.x509 import KeyPair


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request; `peer` is who showed a certificate."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    peer: str | None


Said = tuple[int, str | Mapping[str, Any]]


def nothing(_asked: Asked) -> Said:
    return 200, {"metadata": {"resourceVersion": "1"}, "items": []}


@dataclass
class Secure:
    """`answer` may be another at any time; `asked` is the log, `url` where it is."""

    answer: Callable[[Asked], Said] = nothing
    asked: list[Asked] = field(default_factory=list)
    url: str = ""

    @property
    def tokens(self) -> list[str]:
        """What was shown as Authorization, request by request."""
        return [one.headers.get("authorization", "") for one in self.asked]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, secure: Secure, *rest: Any) -> None:
        self._secure = secure
        super().__init__(*rest)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        asked = Asked(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query)),
            headers={key.lower(): value for key, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            peer=_peer(self.connection),
        )
        self._secure.asked.append(asked)
        code, what = self._secure.answer(asked)
        text = what if isinstance(what, str) else json.dumps(what)
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    do_PATCH = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None: ...


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *asked: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # that is one who hung up
            super().handle_error(*asked)


@contextmanager
def served(
    *, pair: KeyPair | None = None, people: str | None = None, folder: Path
) -> Iterator[Secure]:
    """Serve one, with TLS if it has a pair; `people` are the certificates it knows people by."""
    secure = Secure()
    server = _Server(("127.0.0.1", 0), partial(_Handler, secure))
    if pair:
        (folder / "server.pem").write_text(pair.certificate + pair.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "server.pem")
        if people:
            context.load_verify_locations(cadata=people)
            context.verify_mode = ssl.CERT_OPTIONAL
        server.socket = context.wrap_socket(server.socket, server_side=True)
    secure.url = f"{'https' if pair else 'http'}://127.0.0.1:{server.server_port}"
    with _running(server):
        yield secure


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    """An HTTP proxy: its URL, and what it was asked to connect to."""
    log: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            log.append(self.path)
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port))) as there:
                self.send_response(200)
                self.end_headers()
                _pass_on(self.connection, there)

        def log_message(self, *_: object) -> None: ...

    server = _Server(("127.0.0.1", 0), Handler)
    with _running(server):
        yield f"http://127.0.0.1:{server.server_port}", log


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with selectors.DefaultSelector() as ready:
        for near, far in ((one, other), (other, one)):
            ready.register(near, selectors.EVENT_READ, far)
        while True:
            for key, _ in ready.select():
                near = one if key.data is other else other
                if not (chunk := near.recv(65536)):
                    return
                key.data.sendall(chunk)


@contextmanager
def _running(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _peer(connection: socket.socket) -> str | None:
    shown = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    subject: Any = shown.get("subject", ()) if shown else ()
    return next((value for [(key, value)] in subject if key == "commonName"), None)


def person(name: str) -> KeyPair:
    """A certificate that somebody signed himself."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return KeyPair(
        certificate=signed.public_bytes(serialization.Encoding.PEM).decode(),
        key=key.private_bytes(serialization.Encoding.PEM, *form).decode(),
    )
