"""The certificate that is served, taken from a folder whenever it changes there.

Connections that exist go on; new ones see the new certificate. What does not fit together, because
it is half written or wrong, is not served: the one of before stays.
"""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from netvsc_operator.certificates import x509
from netvsc_operator.certificates.x509 import KeyPair, Validity
from netvsc_operator.webhook.metrics import CertificateLoad, WebhookMetrics

log = logging.getLogger(__name__)


class ServingCertificate:
    """`context` is alive: it is changed in place. `folder` has tls.crt and tls.key."""

    def __init__(
        self, folder: Path, *, metrics: WebhookMetrics, clock: Callable[[], float] = time.time
    ) -> None:
        self.context = _context()
        self._folder = folder
        self._metrics = metrics
        self._clock = clock
        self._served: KeyPair | None = None
        self._validity: Validity | None = None
        self._failure = "the folder was not read yet"

    def load(self) -> None:
        """Look at the folder, and serve what is there if it can be served."""
        try:
            found = self._read()
            if found == self._served:
                return
            _give(_context(), found)  # a context that is refused half way must not be the live one
            _give(self.context, found)
            self._now_serves(found)
        except (OSError, ssl.SSLError, ValueError) as error:
            self._failed(error)

    def trouble(self) -> str | None:
        """Return why no connection can be served, None if one can (a check for /readyz)."""
        if self._validity is None:
            return f"no certificate: {self._failure}"
        left = self._validity.ends - self._clock()
        return None if left > 0 else f"the certificate ended {-left:.0f} s ago: {self._failure}"

    def _read(self) -> KeyPair:
        return KeyPair(
            certificate=(self._folder / "tls.crt").read_text(),
            key=(self._folder / "tls.key").read_text(),
        )

    def _now_serves(self, pair: KeyPair) -> None:
        self._served, self._validity = pair, x509.validity(pair.certificate)
        self._failure = f"{self._folder} holds no newer one"
        self._metrics.loaded(CertificateLoad.LOADED)
        if self._validity:
            self._metrics.expires(self._validity.ends)
            days = (self._validity.ends - self._clock()) / x509.DAY_S
            log.info("serving a new certificate, good for %.1f days", days)

    def _failed(self, error: Exception) -> None:
        self._failure = f"{self._folder}: {error}"
        self._metrics.loaded(CertificateLoad.FAILED)
        kept = "the previous one is kept" if self._served else "none was loaded yet"
        log.warning("cannot serve the certificate in %s: %s; %s", self._folder, error, kept)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _give(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Load a pair; by way of memory, since ssl reads files alone and those may change meanwhile."""
    handle = os.memfd_create("pair")
    with os.fdopen(handle, "w") as file:
        file.write(f"{pair.certificate}\n{pair.key}\n")
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{handle}")
