"""The official client with our credential, which is renewed when it ends or is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.config.kube_config import FileOrData
from urllib3 import disable_warnings
from urllib3.exceptions import InsecureRequestWarning

from netvsc import __version__
from netvsc_operator.kubectl import credential
from netvsc_operator.kubectl.credential import Credential
from netvsc_operator.kubectl.kubeconfig import Context


@dataclass(frozen=True, slots=True)
class Session:
    """`client` is a kubernetes.client.ApiClient."""

    client: Any
    namespace: str
    credential: Credential | None


class Connector:
    """Serves several threads.

    `find` reads the kubeconfig. With each credential it is read anew, since a token that is written
    there, or in a file that it names, changes too.
    """

    def __init__(
        self, find: Callable[[], Context], *, clock: Callable[[], float] = time.time
    ) -> None:
        self._find = find
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: Session | None = None

    def connected(self) -> Session:
        """Return what is to be asked through; raises ConfigError, or RequestError of a plugin."""
        with self._lock:
            one = self._kept
            if one is None or (one.credential and one.credential.ended(self._clock())):
                one = self._kept = _connect(self._find())
            return one

    def refused(self, one: Session) -> None:
        """Ask for a new credential at the next call: this one was rejected (401)."""
        with self._lock:
            if self._kept is one:
                self._kept = None


def _connect(context: Context) -> Session:
    found = credential.ask(context.plugin) if context.plugin else None
    if found:
        _introduce(context.configuration, found)
    if not context.configuration.verify_ssl:  # the kubeconfig says that it is meant so
        disable_warnings(InsecureRequestWarning)
    client = ApiClient(context.configuration)
    client.user_agent = f"kubectl-netvsc/{__version__}"
    return Session(client, context.namespace, found)


def _introduce(configuration: Any, found: Credential) -> None:
    """Have the client say who we are; certificates it reads from files alone, which it removes."""
    if found.token:
        configuration.api_key["BearerToken"] = f"Bearer {found.token}"
    if found.certificate and found.key:
        pair = {"certificate": found.certificate, "key": found.key}
        configuration.cert_file, configuration.key_file = (
            FileOrData(pair, None, data_key_name=name, base64_file_content=False).as_file()
            for name in pair
        )
