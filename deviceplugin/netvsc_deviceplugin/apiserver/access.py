"""The agent's way to the apiserver: from inside a pod, or as a kubeconfig says.

Kubernetes documentation, "Accessing the API from within a Pod", and client-go's clientcmd. A
server, an authority, and who we are: a bearer token or a client certificate. No program is started
here, so that nothing on a node starts one for a file's sake; people's kubeconfigs, with all that
they may say, are the official client's business (netvsc_operator.kubectl).
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netvsc.encoding import checks
from netvsc.errors import ConfigError

Entry = Mapping[str, object]

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
    verified: bool = True

    def headers(self) -> dict[str, str]:
        token = self.token_file.read_text().strip() if self.token_file else self.token
        return {"Authorization": f"Bearer {token}"} if token else {}

    def tls(self) -> ssl.SSLContext | None:
        """Return what TLS needs, None for a plain http:// server such as `kubectl proxy`."""
        if not self.server.startswith("https://"):
            return None
        context = ssl.create_default_context(cadata=self.authority)
        if not self.verified:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if self.certificate:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # ssl reads files alone
                file.write(self.certificate)
                file.flush()
                context.load_cert_chain(file.name)
        return context


def access(named: Path | None = None) -> Access:
    """Return the way named by a kubeconfig, else the pod's own, else $KUBECONFIG's.

    Raises ConfigError.
    """
    if named:
        return from_kubeconfig(named)
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return in_cluster(os.environ, folder=ACCOUNT)
    if file := os.environ.get("KUBECONFIG"):
        return from_kubeconfig(Path(file))
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
    """Read the current context of one kubeconfig; raises ConfigError."""
    import yaml  # noqa: PLC0415 (both extras have it; the vocabulary alone needs no YAML)

    try:
        data = checks.mapping(yaml.safe_load(path.read_text()), ())
        context = _named(data, "context", data.get("current-context"))
        cluster = _named(data, "cluster", context.get("cluster"))
        user = _named(data, "user", context["user"]) if context.get("user") else {}
        return _of(cluster, user, namespace=str(context.get("namespace") or "default"), at=path)
    except (OSError, ValueError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())  # YAML's words are of several lines
        raise ConfigError(f"{path}: {why}; name a kubeconfig that is whole") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _named(data: Entry, kind: str, name: object) -> Entry:
    items = data.get(f"{kind}s")
    listed = (
        [checks.mapping(one, (f"{kind}s",)) for one in items] if isinstance(items, list) else []
    )
    known = {str(one.get("name")): one.get(kind) or {} for one in listed}
    if name and str(name) in known:
        return checks.mapping(known[str(name)], (f"{kind}s", str(name), kind))
    there = ", ".join(sorted(known)) or "none"
    if kind == "context" and not name:
        raise ConfigError(f"has no current-context: set it; it has {there}")
    raise ConfigError(f"has no {kind} named {name!r}: it has {there}")


def _of(cluster: Entry, user: Entry, *, namespace: str, at: Path) -> Access:
    _check(cluster, user)
    certificate, key = (_pem(user, f"client-{name}", at=at) for name in ("certificate", "key"))
    token_file = user.get("tokenFile")
    return Access(
        server=checks.text(cluster.get("server"), ("clusters", "server")).rstrip("/"),
        authority=_pem(cluster, "certificate-authority", at=at),
        token_file=at.parent / str(token_file) if token_file else None,
        token=str(user["token"]) if user.get("token") else None,
        certificate=f"{certificate}\n{key}" if certificate and key else None,
        namespace=namespace,
        verified=not cluster.get("insecure-skip-tls-verify"),
    )


def _check(cluster: Entry, user: Entry) -> None:
    """Refuse what we would pass over in silence, and ask somebody else, or as somebody else."""
    for key in ("proxy-url", "tls-server-name"):
        if cluster.get(key):
            raise ConfigError(
                f"the cluster has a {key}, which is not known here: start `kubectl proxy` with "
                "this kubeconfig, and name one whose server is its address",
                path=("clusters",),
            )
    if user.get("exec"):
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


def _pem(entry: Entry, key: str, *, at: Path) -> str | None:
    if inline := entry.get(f"{key}-data"):
        return base64.b64decode(str(inline)).decode()
    return (at.parent / str(entry[key])).read_text() if entry.get(key) else None
