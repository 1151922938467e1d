"""The table of components: what each is called with, and where it says that it works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.harness import addresses

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.harness.layout import Layout


@dataclass(frozen=True, slots=True)
class Component:
    name: str
    program: Path
    options: tuple[str, ...]
    health: str
    """A URL inside the node that answers 200 once it works; containerd has only a socket."""

    @property
    def argv(self) -> list[str]:
        return [str(self.program), *self.options]


def table(layout: Layout) -> dict[str, Component]:
    """In the order in which they start."""
    kubernetes = layout.kubernetes
    return {
        part.name: part
        for part in (
            Component(
                "containerd",
                layout.tools / "containerd",
                ("--config", f"{layout.conf}/containerd.toml"),
                "",
            ),
            Component("etcd", kubernetes / "etcd", _etcd(layout), f"{addresses.ETCD}/health"),
            Component(
                "kube-apiserver",
                kubernetes / "kube-apiserver",
                _apiserver(layout),
                f"https://127.0.0.1:{addresses.APISERVER_PORT}/readyz",
            ),
            Component(
                "kube-controller-manager",
                kubernetes / "kube-controller-manager",
                _controllers(layout),
                "https://127.0.0.1:10257/healthz",
            ),
            Component(
                "kube-scheduler",
                kubernetes / "kube-scheduler",
                _as_user(layout, "kube-scheduler"),
                "https://127.0.0.1:10259/healthz",
            ),
            Component(
                "kubelet",
                kubernetes / "kubelet",
                _kubelet(layout),
                "http://127.0.0.1:10248/healthz",
            ),
            Component(
                "kube-proxy",
                kubernetes / "kube-proxy",
                (f"--config={layout.conf}/kube-proxy.json",),
                "http://127.0.0.1:10256/healthz",
            ),
        )
    }


def _etcd(layout: Layout) -> tuple[str, ...]:
    return (
        "--name=only",
        f"--data-dir={layout.run}/etcd",
        f"--listen-client-urls={addresses.ETCD}",
        f"--advertise-client-urls={addresses.ETCD}",
        f"--listen-peer-urls={addresses.ETCD_PEER}",
        f"--initial-advertise-peer-urls={addresses.ETCD_PEER}",
        f"--initial-cluster=only={addresses.ETCD_PEER}",
        "--unsafe-no-fsync",  # nothing here outlives the machine
        "--log-level=warn",
    )


def _apiserver(layout: Layout) -> tuple[str, ...]:
    pki = layout.pki
    return (
        f"--etcd-servers={addresses.ETCD}",
        f"--secure-port={addresses.APISERVER_PORT}",
        f"--advertise-address={addresses.NODE_ADDRESS}",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--client-ca-file={pki}/ca.crt",
        f"--token-auth-file={pki}/tokens.csv",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--service-cluster-ip-range={addresses.SERVICES}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/service-accounts.key",
        f"--service-account-signing-key-file={pki}/service-accounts.key",
        f"--kubelet-client-certificate={pki}/apiserver.crt",
        f"--kubelet-client-key={pki}/apiserver.key",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        "--allow-privileged=true",
    )


def _controllers(layout: Layout) -> tuple[str, ...]:
    pki = layout.pki
    return (
        *_as_user(layout, "kube-controller-manager"),
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki}/service-accounts.key",
        f"--root-ca-file={pki}/ca.crt",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        # With the defaults the first ServiceAccount of a new namespace comes seconds late.
        "--kube-api-qps=300",
        "--kube-api-burst=600",
    )


def _as_user(layout: Layout, name: str) -> tuple[str, ...]:
    config = f"{layout.conf}/{name}.kubeconfig"
    return (
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
    )


def _kubelet(layout: Layout) -> tuple[str, ...]:
    return (
        f"--config={layout.conf}/kubelet.json",
        f"--kubeconfig={layout.conf}/kubelet.kubeconfig",
        f"--hostname-override={addresses.NODE}",
        f"--node-ip={addresses.NODE_ADDRESS}",
        f"--cert-dir={layout.run}/kubelet-certificates",
        "--v=2",
    )
