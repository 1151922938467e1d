"""Files of ours in a folder that others read: each whole at any moment, none that is not wanted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from netvsc.host import atomic_file
from netvsc.host.log_once import LogOnce

log = logging.getLogger(__name__)


class OwnedFiles:
    """Files named `prefix`…`suffix` are ours, whoever wrote them.

    A folder that cannot be written is reported once; nothing we do depends on what is in it.
    """

    def __init__(self, folder: Path, *, prefix: str, suffix: str) -> None:
        self._folder = folder
        self._prefix = prefix
        self._suffix = suffix
        self._once = LogOnce(log)

    def sync(self, wanted: Mapping[str, bytes]) -> bool:
        """Make the folder hold `wanted` and nothing else of ours; tell whether it does."""
        try:
            self._write(wanted)
        except OSError as error:
            self._once.warning(f"cannot keep {self._folder}: {error.strerror}; mount it, writable")
            return False
        self._once.over()
        return True

    def _write(self, wanted: Mapping[str, bytes]) -> None:
        if wanted:
            self._folder.mkdir(parents=True, exist_ok=True)
        elif not self._folder.is_dir():
            return
        for name, content in wanted.items():
            _put(self._folder / name, content)
        for file in self._folder.iterdir():
            if file.name not in wanted and self._is_ours(file.name):
                file.unlink(missing_ok=True)

    def _is_ours(self, name: str) -> bool:
        """Tell by the name; a half-written file of an agent that died is ours too."""
        whole = name.removeprefix(".").removesuffix(".new")
        return whole.startswith(self._prefix) and whole.endswith(self._suffix)


def _put(file: Path, content: bytes) -> None:
    """Replace a file in one step, if it says something else."""
    try:
        if file.read_bytes() == content:
            return
    except FileNotFoundError:
        pass
    atomic_file.replace(file, content, durable=False)  # written anew whenever the agent starts
