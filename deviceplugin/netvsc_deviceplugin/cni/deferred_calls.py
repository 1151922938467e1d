"""Deferred calls: ADDs that went through without pairs because nobody could tell; a file for each.

The shim leaves one where the agent is away, the agent where the kubelet is silent. None outlives
its pod: whoever takes its DEL removes it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from netvsc.errors import NodeError, RequestError
from netvsc.host import atomic_file
from netvsc_deviceplugin.cni.protocol import wire
from netvsc_deviceplugin.cni.protocol.request import Call, Verb, environment_of, parse_call

_LONGEST = wire.HEADER_MAX + wire.ENVIRONMENT_MAX + wire.STDIN_MAX
_UNDER_WAY = ","  # in the name of a file that the shim is writing; in no container's id

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _DeferredCall:
    at: int
    call: Call


class DeferredCalls:
    """The folder `passed` in the agent's state folder; root alone may look inside."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "passed"

    def make_folder(self) -> None:
        """Make it before it is watched; raises NodeError."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._refused("make", self.folder, error) from error

    def has(self, container: str) -> bool:
        return (self.folder / container).exists()

    def all(self) -> Sequence[Call]:
        """Return the calls, the newest first; what is corrupt is removed."""
        files = sorted(self.folder.glob("*"))
        found = [deferred for file in files if (deferred := self._read(file))]
        return [deferred.call for deferred in sorted(found, key=lambda deferred: -deferred.at)]

    def save(self, call: Call) -> None:
        """Write a call down, in one step; raises NodeError."""
        file = self.folder / call.container
        data = wire.write(environment_of(call), json.dumps(call.config).encode())
        self.make_folder()
        try:
            atomic_file.replace(file, data, durable=False)  # no pod outlives a crash of the machine
        except OSError as error:
            raise self._refused("write", file, error) from error

    def remove(self, container: str) -> None:
        """Raise NodeError if it is still there afterwards."""
        file = self.folder / container
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise self._refused("remove", file, error) from error

    def _read(self, file: Path) -> _DeferredCall | None:
        if file.name.startswith(".") or _UNDER_WAY in file.name:
            return None
        try:
            with file.open("rb") as source:
                at, message = file.stat().st_mtime_ns, source.read(_LONGEST + 1)
            call = _parsed(message, file.name)
        except FileNotFoundError:
            return None
        except (RequestError, OSError) as error:
            log.warning("%s is corrupt and is removed: %s", file, error)
            self.remove(file.name)
            return None
        return _DeferredCall(at, call)

    def _refused(self, verb: str, file: Path, error: OSError) -> NodeError:
        return NodeError(
            f"cannot {verb} {file}: {error.strerror}; the agent's state folder must be writable"
        )


def _parsed(message: bytes, container: str) -> Call:
    call = parse_call(*wire.read(message))
    if (call.verb, call.container) != (Verb.ADD, container):
        raise RequestError("it is not an ADD of that container")
    return call
