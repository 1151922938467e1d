"""The runtime's network configuration lists on disk: replaced in one step, or left alone."""

from __future__ import annotations

import logging
import os
from functools import partial
from pathlib import Path

from netvsc.errors import NodeError
from netvsc.host import atomic_file
from netvsc_deviceplugin.cni.chain import conflist

log = logging.getLogger(__name__)


class _OutdatedError(Exception):
    """Somebody wrote the list meanwhile."""


def primary(folder: Path) -> Path | None:
    """Return the file that the runtime takes; raises NodeError."""
    try:
        name = conflist.primary(file.name for file in folder.iterdir())
    except OSError as error:
        raise NodeError(
            f"cannot read {folder}: {error.strerror}; mount the runtime's configuration there"
        ) from error
    return folder / name if name else None


def leave(folder: Path) -> None:
    """Leave every list. Raises NodeError or ConflistError if one may still name us."""
    for file in sorted(folder.glob("*.conflist")):
        try:
            while not _left(file):
                pass
        except FileNotFoundError:
            continue  # its owner has just removed it


def _left(file: Path) -> bool:
    """Take us out of one list; False if somebody wrote it meanwhile."""
    text = file.read_bytes()
    if conflist.TYPE.encode() not in text:
        return True
    try:
        wanted = conflist.without_us(text)
    except conflist.ConflistError as error:
        raise conflist.ConflistError(f"{file} {error}") from None
    if wanted == text:
        return True
    if not replace(file, wanted, known=text):
        return False
    log.info("took %s out of %s", conflist.TYPE, file)
    return True


def replace(file: Path, text: bytes, *, known: bytes) -> bool:
    """Replace a list if it still says what is known; its mode and owner stay.

    Raises NodeError, or FileNotFoundError if it is gone.
    """
    try:
        facts = file.stat()
        unchanged = partial(_check_unchanged, file, known)
        with atomic_file.replacing(file, durable=True, last=unchanged) as out:
            os.fchmod(out.fileno(), facts.st_mode & 0o7777)
            os.fchown(out.fileno(), facts.st_uid, facts.st_gid)
            out.write(text)
    except _OutdatedError:
        return False
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NodeError(f"cannot replace {file}: {error.strerror}; mount it writable") from error
    return True


def _check_unchanged(file: Path, known: bytes) -> None:
    if file.read_bytes() != known:
        raise _OutdatedError
