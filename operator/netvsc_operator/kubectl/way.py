"""The kubeconfig that kubectl itself would take: named, $KUBECONFIG, ~/.kube/config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from netvsc.access import Access, access


def way(named: Path | None, *, environment: Mapping[str, str], home: Path) -> Access:
    """Return the way to the apiserver; raises ConfigError."""
    usual = home / ".kube/config"
    told = "KUBECONFIG" in environment or "KUBERNETES_SERVICE_HOST" in environment
    return access(usual if named is None and not told and usual.exists() else named)
