"""Chained mode: the shim in the runtime's folder of plugins, and our place in its list.

Both are watched. Files are replaced in one step, so the runtime finds the old or the new; and a
list is replaced only if it is still the one that was read.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from netvsc.errors import NodeError
from netvsc_deviceplugin.cni import conflist
from netvsc_deviceplugin.cni.conflist import ConflistError, Contest
from netvsc_deviceplugin.folder import watching
from netvsc_deviceplugin.latest import Latest

log = logging.getLogger(__name__)


class Place(StrEnum):
    """Where we stand in the chain; CONTESTED: somebody keeps taking us out, and won."""

    UNKNOWN = "Unknown"
    UNCHAINED = "Unchained"
    CHAINED = "Chained"
    NO_LIST = "NoConflist"
    LEFT_ALONE = "ConflistLeftAlone"
    CONTESTED = "ChainContested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The runtime's: `conf` has its lists, `bin` its plugins; `state` is the agent's own."""

    conf: Path
    bin: Path
    state: Path


@dataclass(slots=True, kw_only=True)
class Chain:
    """Keeps the program `shim` installed and, if `chained`, us in the chain.

    `place` is what came of it.
    """

    folders: Folders
    shim: Path
    chained: bool = True
    clock: Callable[[], float] = time.monotonic
    place: Latest[Place] = field(default_factory=lambda: Latest(Place.UNKNOWN))
    _contest: Contest = field(default_factory=Contest)
    _was_in: Path | None = None

    async def run(self) -> None:
        """Look after each change, until cancelled; raises NodeError for folders that are not."""
        changed = asyncio.Event()
        with ExitStack() as stack:
            for folder in (self.folders.conf, self.folders.bin):
                stack.enter_context(watching(folder, changed=changed.set))
            while True:
                changed.clear()
                self.look()
                await changed.wait()

    def look(self) -> None:
        """Put right what is not: the program first, for the list names it. Raises NodeError."""
        install(self.shim, self.folders.bin)
        self.place.set(self._placed() if self.chained else Place.UNCHAINED)

    def _placed(self) -> Place:
        file = _primary(self.folders.conf)
        if not file:
            return Place.NO_LIST
        try:
            text = file.read_bytes()
            wanted = conflist.with_us(text, state=str(self.folders.state))
        except FileNotFoundError:
            return self.place.get()  # it was replaced just now: that wakes us again
        except (ConflistError, OSError) as error:
            self._say(f"{file} {error}; pods get no pairs until it can be chained")
            return Place.LEFT_ALONE
        if wanted == text:
            self._was_in = file
            return Place.CHAINED
        if file == self._was_in:
            self._contest = self._contest.again(self.clock())
        if self._contest.lost:
            self._say(f"{file}: somebody keeps taking netvsc-cni out; its owner must let it stay")
            return Place.CONTESTED
        if _replace(file, wanted, known=text):
            self._was_in = file
            log.info("chained netvsc-cni into %s", file)
        return Place.CHAINED

    def _say(self, text: str) -> None:
        if self.place.get() not in {Place.LEFT_ALONE, Place.CONTESTED}:
            log.error("%s", text)


def install(shim: Path, folder: Path) -> None:
    """Put the program in place unless the same one is there; raises NodeError."""
    target = folder / conflist.TYPE
    try:
        if not _same(shim, target):
            new = folder / f".{conflist.TYPE}.new"
            shutil.copyfile(shim, new)
            new.chmod(0o755)
            new.replace(target)
            log.info("installed %s", target)
    except OSError as error:
        raise NodeError(
            f"cannot install {shim} as {target}: {error.strerror}; mount the runtime's folder of "
            "plugins there, writable"
        ) from error


def leave(folders: Folders) -> None:
    """Leave every list. Raises NodeError or ConflistError if one may still name us."""
    for file in sorted(folders.conf.glob("*.conflist")):
        text = file.read_bytes()
        if conflist.TYPE.encode() not in text:
            continue
        while not _replace(file, conflist.without_us(text), known=text):
            text = file.read_bytes()
        log.info("took netvsc-cni out of %s", file)


def remove(folders: Folders) -> None:
    """Remove the program; after `leave`, when the runtime has read its lists anew."""
    (folders.bin / conflist.TYPE).unlink(missing_ok=True)


def _primary(folder: Path) -> Path | None:
    try:
        name = conflist.primary(file.name for file in folder.iterdir())
    except OSError as error:
        raise NodeError(f"cannot read {folder}: {error.strerror}") from error
    return folder / name if name else None


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and os.access(other, os.X_OK) and one.read_bytes() == other.read_bytes()


def _replace(file: Path, text: bytes, *, known: bytes) -> bool:
    """Replace a list if it still says what is known; its mode and owner stay. Raises NodeError."""
    new = file.with_name(f".{file.name}.netvsc-new")
    try:
        facts = file.stat()
        with new.open("wb") as out:
            os.fchmod(out.fileno(), facts.st_mode & 0o7777)
            os.fchown(out.fileno(), facts.st_uid, facts.st_gid)
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        if file.read_bytes() != known:
            new.unlink()
            return False
        new.replace(file)
    except OSError as error:
        raise NodeError(f"cannot replace {file}: {error.strerror}; mount it writable") from error
    return True
