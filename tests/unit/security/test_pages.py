"""The agent's port is open to whoever reaches the node; a crowd there costs little."""

from __future__ import annotations

import socket
import threading
import urllib.request
from contextlib import ExitStack

from prometheus_client import CollectorRegistry

from netvsc_deviceplugin.telemetry.http_server import serving

CROWD = 200


def test_a_crowd_of_mute_clients_keeps_no_probe_out_and_makes_no_crowd_of_threads() -> None:
    before = threading.active_count()
    with (
        serving("127.0.0.1:0", registry=CollectorRegistry(), healthy={}, ready={}) as port,
        ExitStack() as crowd,
    ):
        for number in range(CROWD):
            client = crowd.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            client.sendall(b"GET /metrics HTTP/1.1\r\n")  # and no more
            if number % 50 == 0:
                _probe(port)
        _probe(port)
        first = crowd.enter_context(socket.create_connection(("127.0.0.1", port), 10))
        assert threading.active_count() - before < CROWD / 4
        first.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
        assert first.recv(100).startswith(b"HTTP/1.0 200")


def _probe(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
        assert answer.read() == b"ok\n"
