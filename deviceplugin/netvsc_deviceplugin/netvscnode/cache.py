"""The agent's copy of its NetvscNode on disk: the last good spec, the status as it was last.

With it the agent works while the apiserver is away, and counts on where it stopped. The status is
written here first: what the apiserver has may be older.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from netvsc.encoding.serialize import from_plain, to_plain
from netvsc.errors import ConfigError
from netvsc.host.atomic_file import write_json
from netvsc.model.status import NodeStatus

Json = Mapping[str, object]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """`generation` is 0 before a spec was taken; `recent` is what PairCounts needs to count on.

    `dates` are the distances of WallClock, good while `boot` is the machine's.
    """

    generation: int = 0
    spec: Json = field(default_factory=dict)
    status: NodeStatus | None = None
    recent: Mapping[str, int] = field(default_factory=dict)
    boot: str | None = None
    dates: Mapping[str, float] = field(default_factory=dict)


def load(state: Path) -> Copy:
    """Return what is on disk; a corrupt file is moved aside, and logged."""
    file = _file(state)
    try:
        return from_plain(Copy, json.loads(file.read_bytes()))
    except FileNotFoundError:
        return Copy()
    except (ValueError, ConfigError, RecursionError) as error:
        aside = file.with_suffix(".corrupt")
        file.replace(aside)
        log.error(  # noqa: TRY400 (the traceback adds nothing to the message)
            "%s is corrupt (%s), moved to %s; the NetvscNode must come from the apiserver",
            file,
            error,
            aside.name,
        )
        return Copy()


def save(state: Path, copy: Copy) -> None:
    """Replace the file; raises NodeError."""
    write_json(_file(state), to_plain(copy))


def _file(state: Path) -> Path:
    return state / "netvscnode.json"
