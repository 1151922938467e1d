"""What is injected beside what the pod says itself: the sidecar's image, and how it is pulled."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """`pull_policy` None: as Kubernetes chooses. `pull_secrets`: names in the pod's namespace."""

    image: str
    pull_policy: str | None = None
    pull_secrets: tuple[str, ...] = ()
