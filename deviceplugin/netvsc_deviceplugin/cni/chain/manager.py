"""Keeps our plugin last in the runtime's conflist, and its program installed, while we are wanted.

Both folders are watched. Whatever woke us, what follows is one look: at what is asked, at who has a
pair, at the files.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from netvsc.errors import NodeError
from netvsc.host.inotify import watching
from netvsc_deviceplugin.cni.chain import conflist, conflist_files, plugin_binary
from netvsc_deviceplugin.cni.chain.conflist import ConflistError, RemovalsByOthers
from netvsc_deviceplugin.cni.chain.status import UNKNOWN, ChainReason, ChainStatus
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.wakeup import Wakeup

# The runtime reads its lists again when they change and tells nobody when it has; until then it may
# call us by the old one.
SETTLE_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """The runtime's: `conf` has its lists, `bin` its plugins; `state` is the agent's own."""

    conf: Path
    bin: Path
    state: Path


@dataclass(slots=True, kw_only=True)
class ChainManager:
    """Keeps the program `shim` installed and, if `chained`, us in the chain.

    `leaving` tells whether we are asked to go, `holders` which pods have a pair: as long as there
    are any we stay, for the runtime calls DEL by the list of that moment. `status` is what came of
    it all; call `wake` when one of the answers may have changed.
    """

    folders: Folders
    shim: Path
    chained: bool = True
    leaving: Callable[[], bool] = lambda: False
    holders: Callable[[], Sequence[str]] = tuple
    clock: Callable[[], float] = time.monotonic
    status: Latest[ChainStatus] = field(default_factory=lambda: Latest(UNKNOWN))
    _wakeup: Wakeup = field(default_factory=Wakeup)
    _removals: RemovalsByOthers = field(default_factory=RemovalsByOthers)
    _was_in: Path | None = None
    _left_at: float | None = None
    _out: tuple[int, int] | None = None  # the list without us that was counted last

    def wake(self) -> None:
        """Take a hint that there may be something to do."""
        self._wakeup.set()

    async def run(self) -> None:
        """Look after each change, until cancelled; raises NodeError for folders that are not."""
        with ExitStack() as stack:
            watched = (self.folders.conf, self.folders.bin)
            for folder in watched:
                stack.enter_context(watching(folder, changed=self.wake))
            numbers = [_number(folder) for folder in watched]
            while True:
                for folder, number in zip(watched, numbers, strict=True):
                    _check(folder, number)
                self.sync()
                await self._wakeup.wait(self._wait())

    def sync(self) -> None:
        """Put right what is not. Raises NodeError."""
        pods = tuple(self.holders()) if self.leaving() else ()
        if self.leaving() and not pods:
            self._set(self._gone())
            return
        self._left_at = None
        plugin_binary.install(self.shim, self.folders.bin)  # first: the list names it
        status = self._placed() if self.chained else self._unchained()
        if pods:
            why = f"asked to leave, but these pods have pairs: {', '.join(pods)}; delete them"
            status = ChainStatus(ChainReason.PODS_HOLD_PAIRS, why, pods)
        self._set(status)

    def _gone(self) -> ChainStatus:
        """Leave the lists, and when the runtime has read them, the folder of plugins."""
        self._was_in = None
        try:
            conflist_files.leave(self.folders.conf)
        except ConflistError as error:  # it may name us: the program must stay
            return ChainStatus(ChainReason.LEFT_ALONE, str(error))
        if self._left_at is None:
            self._left_at = self.clock()
        if self._wait():
            return ChainStatus(
                ChainReason.LEAVING, "in no list any more; the program stays for a moment"
            )
        plugin_binary.remove(self.folders.bin)
        return ChainStatus(ChainReason.REMOVED)

    def _wait(self) -> float | None:
        """Return the seconds until there is something to do without a hint."""
        if self._left_at is None:
            return None
        left = self._left_at + SETTLE_S - self.clock()
        return left if left > 0 else None

    def _placed(self) -> ChainStatus:
        file = conflist_files.primary(self.folders.conf)
        if not file:
            return ChainStatus(
                ChainReason.NO_LIST, f"{self.folders.conf} has no network configuration"
            )
        if not conflist.is_list(file.name):
            why = "is a configuration of one plugin; its owner must make it a .conflist to chain to"
            return ChainStatus(ChainReason.UNSUPPORTED, f"{file} {why}")
        try:
            return self._put_in(file)
        except FileNotFoundError:
            return self.status.get()  # it was replaced just now: that wakes us again
        except (ConflistError, OSError) as error:
            return ChainStatus(
                ChainReason.LEFT_ALONE, f"{file} {error}; no pod gets its pair until then"
            )

    def _unchained(self) -> ChainStatus:
        """Leave the lists that an agent in chained mode put us in, once no pod's DEL needs them."""
        if self.holders():
            return ChainStatus(ChainReason.UNCHAINED)
        try:
            conflist_files.leave(self.folders.conf)
        except ConflistError as error:
            return ChainStatus(ChainReason.LEFT_ALONE, str(error))
        return ChainStatus(ChainReason.UNCHAINED)

    def _put_in(self, file: Path) -> ChainStatus:
        text = file.read_bytes()
        wanted = conflist.with_us(text, state=str(self.folders.state))
        if wanted == text:
            self._was_in = file
            return ChainStatus(ChainReason.CHAINED)
        now, stamp = self.clock(), _stamp(file)
        taken_out = file == self._was_in and stamp != self._out
        self._removals = self._removals.add(now) if taken_out else self._removals.forget_old(now)
        self._out = stamp
        if self._removals.too_many:
            why = f"{file}: somebody keeps taking {conflist.TYPE} out; its owner must let it stay"
            return ChainStatus(ChainReason.CONTESTED, why)
        if not conflist_files.replace(file, wanted, known=text):
            return self.status.get()  # somebody was faster: that wakes us again
        self._was_in = file
        log.info("chained %s into %s", conflist.TYPE, file)
        return ChainStatus(ChainReason.CHAINED)

    def _set(self, status: ChainStatus) -> None:
        if status.message and status != self.status.get():
            log.warning("%s: %s", status.reason, status.message)
        self.status.set(status)


def _stamp(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_ino, found.st_mtime_ns


def _number(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _check(folder: Path, number: tuple[int, int]) -> None:
    """Raise NodeError if the folder is not the one that is watched: we should be deaf.

    In a container the mount stays, of a folder that has no name any more.
    """
    try:
        there = folder.stat()
    except FileNotFoundError:
        there = None
    if there is None or (there.st_dev, there.st_ino) != number or not there.st_nlink:
        raise NodeError(
            f"{folder} was removed or replaced: restart the agent, so that the new one is mounted"
        )
