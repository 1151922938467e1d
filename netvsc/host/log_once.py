"""Logs what goes wrong once, though it is met at every try."""

from __future__ import annotations

import logging
from collections.abc import Mapping


class LogOnce:
    """Remembers what was logged last, by what it is about; another text is logged again."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._last: dict[str, str] = {}

    def warning(
        self, text: str, *, about: str = "", extra: Mapping[str, object] | None = None
    ) -> None:
        if self._last.get(about) != text:
            fields = dict(extra or {})
            self._log.warning("%s", text, extra=fields)
        self._last[about] = text

    def over(self, about: str = "") -> bool:
        """Forget it, so that it is logged when it comes again; return whether it was logged."""
        return self._last.pop(about, None) is not None
