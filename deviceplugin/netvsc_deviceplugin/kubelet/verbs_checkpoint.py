"""Which verbs devices each holder was given, remembered across restarts of the agent.

uverbs numbers may come back permuted when VFs return; only what was given at Allocate tells whether
a pod's device is still its own. The kubelet does not say it, so it is kept here.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from netvsc.errors import NodeError
from netvsc.host.atomic_file import write_json

Verbs = Mapping[str, tuple[str, ...]]

# A pod shows in podresources within seconds of its Allocate, or was refused and never will.
NEVER_CAME_S = 120.0

log = logging.getLogger(__name__)


class VerbsCheckpoint:
    """The file `given.json` in the agent's state folder; what it says, as a mapping of pair ids."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = folder / "given.json"
        self._clock = clock
        self._verbs: dict[str, tuple[str, ...]] = dict(_read(self._file))
        self._since = dict.fromkeys(self._verbs, clock())
        self._shown: set[str] = set()

    def verbs(self) -> Verbs:
        return dict(self._verbs)

    def give(self, verbs: Verbs) -> None:
        """Remember before the kubelet is answered; raises NodeError if that cannot be done."""
        after = {**self._verbs, **verbs}
        if after != self._verbs:
            write_json(self._file, after)
            self._verbs = after
        self._since |= dict.fromkeys(verbs, self._clock())
        self._shown -= verbs.keys()

    def prune(self, holders: Collection[str], *, shown: Collection[str] | None = None) -> None:
        """Forget what podresources showed and shows no longer, and what it never showed.

        `shown` are those that it shows now; the others of `holders` may be the holders of before.
        """
        now = self._clock()
        gone = {
            id_
            for id_ in self._verbs
            if id_ not in holders and (id_ in self._shown or now - self._since[id_] >= NEVER_CAME_S)
        }
        there = holders if shown is None else shown
        self._shown = ((self._shown & set(holders)) | set(there)) & self._verbs.keys()
        if not gone:
            return
        after = {id_: verbs for id_, verbs in self._verbs.items() if id_ not in gone}
        try:
            write_json(self._file, after)
        except NodeError as error:  # nobody waits for an answer here; the next look tries again
            log.warning("%s", error)
            self._shown |= gone
            return
        self._verbs = after
        for id_ in gone:
            del self._since[id_]


def _read(file: Path) -> Verbs:
    """Return what the file says; a corrupt one is moved aside."""
    try:
        return _parsed(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        aside = file.with_suffix(".corrupt")
        file.replace(aside)
        log.error(  # noqa: TRY400 (the traceback adds nothing to the message)
            "%s is corrupt (%s), moved to %s; verbs devices given before are unknown",
            file,
            error,
            aside.name,
        )
        return {}


def _parsed(data: bytes) -> Verbs:
    content = json.loads(data)
    if not isinstance(content, dict):
        raise ValueError("not a mapping")  # noqa: TRY004 (json's errors are ValueErrors too)
    for names in content.values():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("not lists of names")
    return {id_: tuple(names) for id_, names in content.items()}
