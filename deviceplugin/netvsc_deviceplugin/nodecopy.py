"""The agent's copy of its NetvscNode on disk: the last good spec, the status as it was last.

With it the agent works while the apiserver is away, and counts on where it stopped. The status is
written here first: what the apiserver has may be older.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netvsc.errors import ConfigError, NodeError
from netvsc.plain import from_plain, to_plain
from netvsc.status import NodeStatus

Json = Mapping[str, object]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """`generation` is 0 before a spec was taken; `recent` is what a Tally needs to count on."""

    generation: int = 0
    spec: Json = field(default_factory=dict)
    status: NodeStatus | None = None
    recent: Mapping[str, int] = field(default_factory=dict)


def load(state: Path) -> Copy:
    """Return what is on disk; a file that makes no sense is set aside, and said."""
    file = _file(state)
    try:
        return from_plain(Copy, json.loads(file.read_bytes()))
    except FileNotFoundError:
        return Copy()
    except (ValueError, ConfigError) as error:
        aside = file.with_suffix(".corrupt")
        file.replace(aside)
        log.error(  # noqa: TRY400 (the traceback adds nothing to the message)
            "%s makes no sense (%s): set aside as %s; the NetvscNode must come from the apiserver",
            file,
            error,
            aside.name,
        )
        return Copy()


def save(state: Path, copy: Copy) -> None:
    """Replace the file in one step; raises NodeError."""
    file = _file(state)
    new = file.with_suffix(".new")
    try:
        state.mkdir(parents=True, exist_ok=True)
        with new.open("w") as out:
            json.dump(to_plain(copy), out)
            out.flush()
            os.fsync(out.fileno())
        new.replace(file)
    except OSError as error:
        raise NodeError(
            f"cannot write {file}: {error.strerror}; the agent's state folder must be writable"
        ) from error


def _file(state: Path) -> Path:
    return state / "netvscnode.json"
