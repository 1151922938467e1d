"""Logs on stderr: JSON lines in a pod, readable ones on a terminal; facts as fields."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

FIELDS = ("node", "pair", "pool", "resource", "pod", "netns")  # given as `extra` of a record


def configure(*, level: int = logging.INFO) -> None:
    """Send every log record to stderr in the form that fits its reader."""
    handler = logging.StreamHandler()
    handler.setFormatter(Readable() if sys.stderr.isatty() else Json())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}


class Json(logging.Formatter):
    """One object a line: time (RFC 3339), level, logger, message, and the fields given."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


class Readable(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        found = fields(record)
        text = super().format(record)
        return text + "".join(f"  {name}={value}" for name, value in found.items())
