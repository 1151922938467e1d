"""A control plane without a node, for what only needs the API: up in seconds."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from cluster.harness import Cluster, Parts

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def apiserver(name: str) -> Iterator[Cluster]:
    """A test file's own; `name` keeps it apart from others that run at the same time."""
    made = Cluster(name=name)
    made.up(parts=Parts.CONTROL_PLANE)
    try:
        yield made
    finally:
        made.down()
