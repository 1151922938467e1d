"""The way to the apiserver: from inside a pod, or as a kubeconfig says.

Kubernetes documentation, "Accessing the API from within a Pod", and client-go's clientcmd. A
server, an authority, and who we are: a bearer token, a client certificate, or a credential that the
caller brings. No program is started here, so that nothing on a node starts one for a file's sake.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from netvsc import checks, kubeconfig
from netvsc.errors import ConfigError
from netvsc.kubeconfig import Chosen, Entry

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Credential(Protocol):
    """Who we are, where that changes with time."""

    def token(self) -> str | None:
        """Return the bearer token of now, None for a certificate alone."""

    def certify(self, context: ssl.SSLContext) -> None:
        """Load the client certificate, if there is one: now, and when another takes its place."""

    def refused(self) -> None:
        """Hear that the apiserver knows us not (401): what was given before is worth no more."""


Plugin = Callable[[Chosen], Credential]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`server` is a URL without a path. The token is read anew each time: kubelets renew it.

    `server_name` is what the server's certificate must name where that is not its address, `proxy`
    the URL of an HTTP proxy.
    """

    server: str
    authority: str | None = None  # PEM
    token_file: Path | None = None
    token: str | None = None
    certificate: str | None = None  # PEM, with its key
    credential: Credential | None = None
    namespace: str = "default"
    verified: bool = True
    server_name: str | None = None
    proxy: str | None = None

    def headers(self) -> dict[str, str]:
        token = self.token_file.read_text().strip() if self.token_file else self.token
        if token is None and self.credential:
            token = self.credential.token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    def tls(self) -> ssl.SSLContext | None:
        """Return what TLS needs, None for a plain http:// server such as `kubectl proxy`."""
        if not self.server.startswith("https://"):
            return None
        context = ssl.create_default_context(cadata=self.authority)
        if not self.verified:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if self.certificate:
            load_certificate(context, self.certificate)
        elif self.credential:
            self.credential.certify(context)
        return context

    def refused(self) -> None:
        """Take note that the apiserver answered 401."""
        if self.credential:
            self.credential.refused()


def load_certificate(context: ssl.SSLContext, pem: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # ssl reads files alone
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)


def access(named: Path | None = None) -> Access:
    """Return the way named by a kubeconfig, else the pod's own, else $KUBECONFIG's.

    Raises ConfigError.
    """
    if named:
        return from_kubeconfig(named)
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return in_cluster(os.environ, folder=ACCOUNT)
    if told := os.environ.get("KUBECONFIG"):
        paths = kubeconfig.files(None, told, usual=Path(), exists=Path.exists)
        return of_context(kubeconfig.chosen(paths))
    raise ConfigError("no way to the apiserver: run in a pod, set KUBECONFIG, or give --kubeconfig")


def in_cluster(environment: Mapping[str, str], *, folder: Path) -> Access:
    host = environment["KUBERNETES_SERVICE_HOST"]
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    try:
        return Access(
            server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
            authority=(folder / "ca.crt").read_text(),
            token_file=folder / "token",
            namespace=(folder / "namespace").read_text().strip(),
        )
    except OSError as error:
        raise ConfigError(
            f"{folder}: {error.strerror}; the pod needs automountServiceAccountToken: true"
        ) from None


def from_kubeconfig(path: Path) -> Access:
    """Read the current context of a kubeconfig; raises ConfigError."""
    return of_context(kubeconfig.chosen([path]))


def of_context(chosen: Chosen, *, plugin: Plugin | None = None) -> Access:
    """Return the way of a context. `plugin` makes a credential of a user's `exec`.

    Raises ConfigError.
    """
    try:
        return _of(chosen.cluster, chosen.user, chosen, plugin)
    except (OSError, ValueError) as error:  # a file that is not there, what is no base64
        raise ConfigError(f"{chosen.where}: {error}; name a kubeconfig that is whole") from None
    except ConfigError as error:
        raise ConfigError(f"{chosen.where}: {error}") from None


def _of(cluster: Entry, user: Entry, chosen: Chosen, plugin: Plugin | None) -> Access:
    _check(user, plugin)
    certificate, key = _pem(user, "client-certificate"), _pem(user, "client-key")
    token_file = user.get("tokenFile")
    return Access(
        server=checks.text(cluster.get("server"), ("clusters", "server")).rstrip("/"),
        authority=_pem(cluster, "certificate-authority"),
        token_file=Path(str(token_file)) if token_file else None,
        token=str(user["token"]) if user.get("token") else None,
        certificate=f"{certificate}\n{key}" if certificate and key else None,
        credential=plugin(chosen) if plugin and user.get("exec") else None,
        namespace=chosen.namespace,
        verified=not cluster.get("insecure-skip-tls-verify"),
        server_name=str(cluster.get("tls-server-name") or "") or None,
        proxy=str(cluster.get("proxy-url") or "") or None,
    )


def _check(user: Entry, plugin: Plugin | None) -> None:
    """Refuse what we would pass over in silence, and be somebody else than was meant."""
    if user.get("exec") and not plugin:
        raise ConfigError(
            "the user needs a credential plugin, which is not run here: start `kubectl proxy` and "
            "name a kubeconfig whose server is its address",
            path=("users",),
        )
    if user.get("auth-provider"):
        raise ConfigError(
            "the user has an auth-provider, which kubectl itself does not know since 1.26: have "
            "the kubeconfig written anew (on AKS: `kubelogin convert-kubeconfig`)",
            path=("users",),
        )
    for key in ("as", "as-uid", "as-groups", "as-user-extra"):
        if user.get(key):
            raise ConfigError(
                f"the user acts as somebody else ({key}), which is not done here: start `kubectl "
                "proxy` with this kubeconfig, and name one whose server is its address",
                path=("users",),
            )


def _pem(entry: Entry, key: str) -> str | None:
    if inline := entry.get(f"{key}-data"):
        return base64.b64decode(str(inline)).decode()
    return Path(str(entry[key])).read_text() if entry.get(key) else None
