"""The way to the apiserver: from inside a pod, or as a kubeconfig says.

Kubernetes documentation, "Accessing the API from within a Pod", and client-go's clientcmd. Only
what a service account or an administrator's file needs: a server, an authority, a bearer token or
a client certificate. No exec plugins: `kubectl proxy` serves those who have one.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netvsc import checks
from netvsc.errors import ConfigError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """`server` is a URL without a path. The token is read anew each time: kubelets renew it."""

    server: str
    authority: str | None = None  # PEM
    token_file: Path | None = None
    token: str | None = None
    certificate: str | None = None  # PEM, with its key
    namespace: str = "default"

    def headers(self) -> dict[str, str]:
        token = self.token_file.read_text().strip() if self.token_file else self.token
        return {"Authorization": f"Bearer {token}"} if token else {}

    def tls(self) -> ssl.SSLContext | None:
        """Return what TLS needs, None for a plain http:// server such as `kubectl proxy`."""
        if not self.server.startswith("https://"):
            return None
        context = ssl.create_default_context(cadata=self.authority)
        if self.certificate:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # ssl reads files alone
                file.write(self.certificate)
                file.flush()
                context.load_cert_chain(file.name)
        return context


def access(kubeconfig: Path | None = None) -> Access:
    """Return the way named by `kubeconfig`, else the pod's own, else $KUBECONFIG's.

    Raises ConfigError.
    """
    if kubeconfig:
        return from_kubeconfig(kubeconfig)
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return in_cluster(os.environ, folder=ACCOUNT)
    if "KUBECONFIG" in os.environ:
        return from_kubeconfig(Path(os.environ["KUBECONFIG"].split(":")[0]))
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
    import yaml  # noqa: PLC0415 (both extras have it; the vocabulary alone needs no YAML)

    try:
        data = checks.mapping(yaml.safe_load(path.read_text()), ())
        return _of_context(data, path.parent)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: {error}; name a kubeconfig") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _of_context(data: Mapping[str, object], folder: Path) -> Access:
    context = _named(data, "contexts", "context", data.get("current-context"))
    cluster = _named(data, "clusters", "cluster", context.get("cluster"))
    user = _named(data, "users", "user", context.get("user"))
    if "exec" in user:
        raise ConfigError(
            "the user needs a credential plugin, which is not run here: start `kubectl proxy` and "
            "name a kubeconfig whose server is its address",
            path=("users",),
        )
    certificate = _pem(user, "client-certificate", folder)
    key = _pem(user, "client-key", folder)
    token_file = user.get("tokenFile")
    return Access(
        server=checks.text(cluster.get("server"), ("clusters", "server")).rstrip("/"),
        authority=_pem(cluster, "certificate-authority", folder),
        token_file=folder / str(token_file) if token_file else None,
        token=str(user["token"]) if user.get("token") else None,
        certificate=f"{certificate}\n{key}" if certificate and key else None,
        namespace=str(context.get("namespace") or "default"),
    )


def _named(
    data: Mapping[str, object], several: str, one: str, name: object
) -> Mapping[str, object]:
    entries = data.get(several)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("name") == name:
            return checks.mapping(entry.get(one) or {}, (several, str(name)))
    raise ConfigError(f"has no {one} named {name!r}: set current-context to one it has")


def _pem(data: Mapping[str, object], key: str, folder: Path) -> str | None:
    if inline := data.get(f"{key}-data"):
        return base64.b64decode(str(inline)).decode()
    return (folder / str(data[key])).read_text() if data.get(key) else None
