"""Logs on stderr: JSON lines in a pod, readable ones on a terminal; facts as fields."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

# What a record has by itself; whatever else it has was given as `extra`. Formatters add the first
# two, Python 3.12 the third.
STANDARD = frozenset({"message", "asctime", "taskName", *vars(logging.makeLogRecord({}))})
# What kopf gives its own handlers with a record, and no reader.
KOPFS = frozenset({"settings", "k8s_skip"})
_NO_FIELD = STANDARD | KOPFS
# What a JSON line has by itself: a field of such a name would hide it.
RESERVED = frozenset({"time", "level", "logger", "message", "exception"})


def configure(*, level: int = logging.INFO) -> None:
    """Send every log record to stderr in the form that fits its reader."""
    handler = logging.StreamHandler()
    handler.setFormatter(Readable() if sys.stderr.isatty() else Json())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what was given as `extra`, all of it."""
    return {name: value for name, value in vars(record).items() if name not in _NO_FIELD}


class Json(logging.Formatter):
    """One object a line: time (RFC 3339), level, logger, message, and the fields given."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            **fields(record),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Readable(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        found = fields(record)
        text = super().format(record)
        return text + "".join(f"  {name}={value}" for name, value in found.items())
