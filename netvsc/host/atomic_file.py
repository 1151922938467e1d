"""State on disk: a reader, or a restart, finds the old or the new and never a part."""

from __future__ import annotations

import json
import os
from pathlib import Path

from netvsc.errors import NodeError


def write_json(file: Path, data: object) -> None:
    """Replace a file in one step, on the disk before it counts; raises NodeError."""
    new = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with new.open("w") as out:
            json.dump(data, out)
            out.flush()
            os.fsync(out.fileno())
        new.replace(file)
    except OSError as error:
        raise NodeError(
            f"cannot write {file}: {error.strerror}; the agent's state folder must be writable"
        ) from error
