"""A pod that cannot be served as it is."""

from __future__ import annotations

from collections.abc import Sequence

from netvsc.errors import RequestError


class RefusedError(RequestError):
    """Each of `reasons` says what is wrong, where, and the remedy."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)
