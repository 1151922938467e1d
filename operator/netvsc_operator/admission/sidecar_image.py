"""The image of the sidecar that is added to pods, and how it is pulled."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarImage:
    """`pull_policy` None: as Kubernetes chooses. `pull_secrets`: names in the pod's namespace."""

    image: str
    pull_policy: str | None = None
    pull_secrets: tuple[str, ...] = ()
