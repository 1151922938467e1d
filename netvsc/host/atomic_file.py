"""State on disk: a reader, or a restart, finds the old or the new and never a part."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from netvsc.errors import NodeError

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC


@contextmanager
def replacing(
    file: Path, *, durable: bool, mode: int = 0o666, last: Callable[[], None] | None = None
) -> Iterator[BinaryIO]:
    """Give what to write into; at the end of the context it takes the place of `file`, in one step.

    `durable`: on the disk before it counts, for what a crash of the machine must not lose or leave
    empty; without it, only for what outlives our own death. `last` is called between that and the
    replacement, and may refuse it by raising. Whatever is raised leaves `file` as it was; of ours
    that is OSError.
    """
    new = file.with_name(f".{file.name}.new")  # hidden from who reads *.json
    try:
        with os.fdopen(os.open(new, _FLAGS, mode), "wb") as out:
            yield out
            if durable:
                out.flush()
                os.fsync(out.fileno())
        if last:
            last()
        new.replace(file)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


def replace(file: Path, data: bytes, *, durable: bool, mode: int = 0o666) -> None:
    """Replace a file as `replacing` does."""
    with replacing(file, durable=durable, mode=mode) as out:
        out.write(data)


def write_json(file: Path, data: object) -> None:
    """Replace a file of the agent's state; raises NodeError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, json.dumps(data).encode(), durable=True)
    except OSError as error:
        raise NodeError(
            f"cannot write {file}: {error.strerror}; the agent's state folder must be writable"
        ) from error
