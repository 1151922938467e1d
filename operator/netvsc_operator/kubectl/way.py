"""The kubeconfig that kubectl itself would take: named, $KUBECONFIG, ~/.kube/config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from netvsc import kubeconfig
from netvsc.access import ACCOUNT, Access, in_cluster, of_context
from netvsc.errors import ConfigError
from netvsc_operator.kubectl.credential import plugin

_HERE = ("localhost", "127.0.0.1", "::1")


def way(
    named: Path | None,
    *,
    environment: Mapping[str, str],
    home: Path,
    context: str | None = None,
    account: Path = ACCOUNT,
) -> Access:
    """Return the way to the apiserver; raises ConfigError."""
    told, usual = environment.get("KUBECONFIG"), home / ".kube/config"
    files = kubeconfig.files(named, told, usual=usual, exists=Path.exists)
    if files:
        return _past_proxies(of_context(kubeconfig.chosen(files, context=context), plugin=plugin))
    if "KUBERNETES_SERVICE_HOST" in environment and not context:
        return in_cluster(environment, folder=account)
    raise ConfigError(
        f"no way to the apiserver: there is no {usual}: set KUBECONFIG, give --kubeconfig, or run "
        "in a pod"
    )


def _past_proxies(found: Access) -> Access:
    """Go through the environment's proxy as kubectl does; this machine itself needs none."""
    url = urlsplit(found.server)
    host = url.hostname or ""
    if found.proxy or host in _HERE or proxy_bypass(host):
        return found
    return replace(found, proxy=getproxies_environment().get(url.scheme))
