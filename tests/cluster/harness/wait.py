"""Waiting for what raises no event: a listener of another process, a condition in the apiserver."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Callable

Found = TypeVar("Found")


def until(
    look: Callable[[], Found | None], *, what: str, seconds: float, pause: float = 0.02
) -> Found:
    """Look until something is there. `False` and `None` mean "not yet"."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise ClusterError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(pause)
    return found
