"""A certificate authority for one cluster, and the names its components go by."""

from __future__ import annotations

import json
import secrets
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.harness import addresses

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DAYS = "3650"
APISERVER_NAMES = (
    "DNS:localhost",
    "DNS:kubernetes",
    "DNS:kubernetes.default",
    "DNS:kubernetes.default.svc",
    "DNS:kubernetes.default.svc.cluster.local",
    "IP:127.0.0.1",
    f"IP:{addresses.NODE_ADDRESS}",
    f"IP:{addresses.APISERVER_SERVICE}",
)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a bearer token: a component, or a person."""

    name: str
    group: str


USERS = {
    "admin": User("admin", "system:masters"),
    "kube-controller-manager": User("system:kube-controller-manager", ""),
    "kube-scheduler": User("system:kube-scheduler", ""),
    "kube-proxy": User("system:kube-proxy", ""),
    "kubelet": User(f"system:node:{addresses.NODE}", "system:nodes"),
}


def make(folder: Path) -> None:
    """Everything the components want before they start."""
    folder.mkdir(parents=True)
    _key(folder / "ca.key")
    _openssl(
        *("req", "-x509", "-new", "-key", folder / "ca.key", "-subj", "/CN=netvsc-cluster"),
        *("-days", _DAYS, "-out", folder / "ca.crt"),
    )
    _openssl("genrsa", "-out", folder / "service-accounts.key", "2048")
    # The apiserver shows one certificate to clients and to the kubelet alike.
    issue(folder, "apiserver", subject="/O=system:masters/CN=kube-apiserver", names=APISERVER_NAMES)
    issue(
        folder,
        "kubelet",
        subject=f"/O=system:nodes/CN=system:node:{addresses.NODE}",
        names=(f"DNS:{addresses.NODE}", f"IP:{addresses.NODE_ADDRESS}"),
    )


def issue(folder: Path, name: str, *, subject: str, names: Sequence[str]) -> None:
    """`<name>.key` and `<name>.crt`, signed by the cluster's authority."""
    key, request, extensions = (folder / f"{name}.{kind}" for kind in ("key", "csr", "ext"))
    _key(key)
    extensions.write_text(
        f"subjectAltName={','.join(names)}\nextendedKeyUsage=serverAuth,clientAuth\n"
    )
    _openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
    _openssl(
        *("x509", "-req", "-in", request, "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key"),
        *(
            "-CAcreateserial",
            "-days",
            _DAYS,
            "-extfile",
            extensions,
            "-out",
            folder / f"{name}.crt",
        ),
    )
    request.unlink()
    extensions.unlink()


def tokens() -> dict[str, str]:
    return {component: secrets.token_hex(16) for component in USERS}


def token_file(given: dict[str, str]) -> str:
    """The apiserver's --token-auth-file."""
    return "".join(
        f'{token},{USERS[component].name},{USERS[component].name},"{USERS[component].group}"\n'
        for component, token in given.items()
    )


def kubeconfig(*, server: str, authority: Path, token: str) -> str:
    """JSON, which is YAML too."""
    here = "netvsc-cluster"
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": here,
            "clusters": [
                {
                    "name": here,
                    "cluster": {"server": server, "certificate-authority": str(authority)},
                }
            ],
            "users": [{"name": here, "user": {"token": token}}],
            "contexts": [{"name": here, "context": {"cluster": here, "user": here}}],
        },
        indent=1,
    )


def _key(path: Path) -> None:
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
