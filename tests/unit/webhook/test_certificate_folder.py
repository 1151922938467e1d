"""The certificate that is served is the newest that fits together, whatever is being written."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from prometheus_client import CollectorRegistry

from netvsc.errors import NodeError
from netvsc.host.inotify import watching
from netvsc_operator.webhook.metrics import WebhookMetrics
from netvsc_operator.webhook.serving_certificate import ServingCertificate
from sim.cluster.secret import Secret


class Rig:
    def __init__(self, folder: Path) -> None:
        self.registry = CollectorRegistry()
        self.secret = Secret(folder)
        self.now = time.time()
        self.certificate = ServingCertificate(
            folder, metrics=WebhookMetrics(self.registry), clock=lambda: self.now
        )

    def served(self) -> int:
        """Shake hands; returns the serial number of the certificate that was shown."""
        ours, theirs = socket.socketpair()
        answer = threading.Thread(target=self._accept, args=(theirs,))
        answer.start()
        trust = ssl.create_default_context(cadata=self.secret.authority.certificate)
        with trust.wrap_socket(ours, server_hostname="localhost") as shaken:
            shown = shaken.getpeercert(binary_form=True)
        answer.join()
        assert shown
        return x509.load_der_x509_certificate(shown).serial_number

    def _accept(self, sock: socket.socket) -> None:
        with self.certificate.context.wrap_socket(sock, server_side=True) as shaken:
            shaken.recv(1)

    def loads(self, result: str) -> float | None:
        name = "netvsc_certificate_loads_total"
        return self.registry.get_sample_value(name, {"result": result})


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "tls")


def serial(pem: str) -> int:
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def test_an_empty_folder_is_no_reason_to_end_but_to_be_unready(rig: Rig) -> None:
    rig.certificate.load()
    assert "no certificate" in (rig.certificate.trouble() or "")
    first = rig.secret.renew()
    rig.certificate.load()
    assert rig.certificate.trouble() is None
    assert rig.served() == serial(first.certificate)


def test_a_new_pair_is_served_by_the_same_context(rig: Rig) -> None:
    rig.secret.renew()
    rig.certificate.load()
    context = rig.certificate.context
    second = rig.secret.renew()
    rig.certificate.load()
    assert rig.certificate.context is context
    assert rig.served() == serial(second.certificate)


def test_a_key_of_another_certificate_changes_nothing_and_is_counted(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    first = rig.secret.renew()
    rig.certificate.load()
    rig.secret.put(rig.secret.issue().certificate, first.key)
    with caplog.at_level(logging.WARNING):
        rig.certificate.load()
    assert rig.served() == serial(first.certificate)
    assert rig.loads("failed") == 1
    assert "the previous one is kept" in caplog.text
    assert rig.certificate.trouble() is None


@pytest.mark.parametrize("cut", [0, 10, 300, -5])
def test_a_half_written_certificate_changes_nothing(rig: Rig, cut: int) -> None:
    first = rig.secret.renew()
    rig.certificate.load()
    second = rig.secret.issue()
    rig.secret.put(second.certificate[:cut], second.key)
    rig.certificate.load()
    assert rig.served() == serial(first.certificate)
    rig.secret.put(second.certificate, second.key)
    rig.certificate.load()
    assert rig.served() == serial(second.certificate)


def test_a_look_that_finds_the_same_does_nothing(rig: Rig) -> None:
    rig.secret.renew()
    rig.certificate.load()
    rig.certificate.load()
    assert rig.loads("loaded") == 1


def test_when_it_ends_is_a_metric_and_then_a_reason_to_be_unready(rig: Rig) -> None:
    rig.secret.renew(life_s=1000)
    rig.certificate.load()
    ends = rig.registry.get_sample_value("netvsc_certificate_expiry_timestamp_seconds")
    assert ends == pytest.approx(rig.now + 1000, abs=2)
    rig.now += 1010
    assert "ended" in (rig.certificate.trouble() or "")


def test_each_way_of_writing_wakes_the_watch(tmp_path: Path) -> None:
    async def run() -> None:
        heard = asyncio.Event()
        secret = Secret(tmp_path / "tls")
        with watching(secret.folder, changed=heard.set):
            secret.renew()
            await asyncio.wait_for(heard.wait(), timeout=5)
            await asyncio.sleep(0)
            heard.clear()
            secret.renew()  # the link alone moves
            await asyncio.wait_for(heard.wait(), timeout=5)

    asyncio.run(run())


def test_a_folder_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    async def run() -> None:
        with watching(tmp_path / "nowhere", changed=lambda: None):
            raise AssertionError

    with pytest.raises(NodeError, match=r"nowhere: No such file.*must be mounted"):
        asyncio.run(run())
