"""The official client, told who we are; asked anew when a credential ends or is refused."""

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
from netvsc_operator.kubectl.credential import Told
from netvsc_operator.kubectl.kubeconfig import Way


@dataclass(frozen=True, slots=True)
class Connection:
    """`client` is a kubernetes.client.ApiClient."""

    client: Any
    namespace: str
    told: Told | None


class Connector:
    """Serves several threads.

    `find` reads the kubeconfig. With each credential it is read anew, since a token that is written
    there, or in a file that it names, changes too.
    """

    def __init__(self, find: Callable[[], Way], *, clock: Callable[[], float] = time.time) -> None:
        self._find = find
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: Connection | None = None

    def connected(self) -> Connection:
        """Return what is to be asked through; raises ConfigError, or RequestError of a plugin."""
        with self._lock:
            one = self._kept
            if one is None or (one.told and one.told.ended(self._clock())):
                one = self._kept = _connect(self._find())
            return one

    def refused(self, one: Connection) -> None:
        """Hear that the apiserver knows us not (401): what was told is worth no more."""
        with self._lock:
            if self._kept is one:
                self._kept = None


def _connect(way: Way) -> Connection:
    told = credential.ask(way.plugin) if way.plugin else None
    if told:
        _introduce(way.configuration, told)
    if not way.configuration.verify_ssl:  # the kubeconfig says that it is meant so
        disable_warnings(InsecureRequestWarning)
    client = ApiClient(way.configuration)
    client.user_agent = f"kubectl-netvsc/{__version__}"
    return Connection(client, way.namespace, told)


def _introduce(configuration: Any, told: Told) -> None:
    """Have the client say who we are; certificates it reads from files alone, which it removes."""
    if told.token:
        configuration.api_key["BearerToken"] = f"Bearer {told.token}"
    if told.certificate and told.key:
        pair = {"certificate": told.certificate, "key": told.key}
        configuration.cert_file, configuration.key_file = (
            FileOrData(pair, None, data_key_name=name, base64_file_content=False).as_file()
            for name in pair
        )
