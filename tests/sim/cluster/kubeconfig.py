"""A kubeconfig for a simulated apiserver: what the shipped programs are given."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from netvsc_deviceplugin.apiserver.access import Access
from netvsc_operator.kube import Kube, config_loader


def kubeconfig(
    folder: Path,
    server: str,
    *,
    cluster: Mapping[str, object] | None = None,
    user: Mapping[str, object] | None = None,
) -> Path:
    """Write one with a context of each kind's only entry; a test adds to cluster and user."""
    named = {"name": "sim"}
    text = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "sim",
        "contexts": [named | {"context": {"cluster": "sim", "user": "sim", "namespace": "nf"}}],
        "clusters": [named | {"cluster": {"server": server, **(cluster or {})}}],
        "users": [named | {"user": dict(user or {})}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(text))
    return path


@asynccontextmanager
async def connected(access: Access) -> AsyncIterator[Kube]:
    """Speak to a simulated apiserver as its kubeconfig says."""
    with tempfile.TemporaryDirectory() as folder:
        user = {"token": access.token} if access.token else {}
        trust = base64.b64encode((access.authority or "").encode()).decode()
        cluster = {"certificate-authority-data": trust} if trust else {}
        file = kubeconfig(Path(folder), access.server, cluster=cluster, user=user)
        async with Kube(config_loader(file)) as kube:
            yield kube
