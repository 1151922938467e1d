"""The checkpoint of a container that has, or may have, a pair inside: a file, written first.

It is there before the first move. The shim reads no more than whether it exists: without the agent,
a DEL of such a container fails, so that its netns does not die with a pair inside.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from netvsc.errors import NodeError
from netvsc.host import atomic_file
from netvsc.model.mac import mac_of

_PAGE = 4096  # bytes

log = logging.getLogger(__name__)

Inside = Mapping[str, Mapping[str, str]]  # path of a netns → interface in it → id of the pair


class ContainerPhase(StrEnum):
    """How far a container got; after a crash ENTERING and LEAVING both mean: to the host."""

    ENTERING = "entering"
    INSIDE = "inside"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRecord:
    """One pair of a container; `network` and `attachment` (CNI_IFNAME) are the call's that did it.

    `home` and `vf_home` are names on the host; `up`: the NetVSC was up there, with this `mtu`.
    """

    id: str
    interface: str
    attachment: str
    network: str
    home: str
    vf_home: str | None
    up: bool
    mtu: int | None = None

    @property
    def mac(self) -> str:
        return mac_of(self.id)


_KEYS = {field.name for field in fields(PairRecord)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What the agent knows of one container. `netns` is the path of its network namespace.

    `uid` is the pod's, empty where the runtime does not tell it.
    """

    container: str
    netns: str
    namespace: str
    pod: str
    phase: ContainerPhase
    pairs: tuple[PairRecord, ...]
    uid: str = ""

    def with_phase(self, phase: ContainerPhase) -> Checkpoint:
        return replace(self, phase=phase)

    @property
    def log_fields(self) -> dict[str, str]:
        """Return what a log record says of the container."""
        fields = {
            "namespace": self.namespace,
            "pod": self.pod,
            "container": self.container,
            "netns": self.netns,
        }
        return {name: value for name, value in fields.items() if value}

    def pair(self, id_: str) -> PairRecord | None:
        return next((record for record in self.pairs if record.id == id_), None)


class CheckpointStore:
    """The folder `containers` in the agent's state folder; root alone may look inside."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "containers"

    def all(self) -> Iterator[Checkpoint]:
        for file in sorted(self._folder.glob("*")):
            if not file.name.startswith(".") and (checkpoint := self.get(file.name)):
                yield checkpoint

    def pods(self) -> tuple[str, ...]:
        """Name the pods that have, or may have, a pair inside."""
        names = {f"{m.namespace}/{m.pod}" if m.pod else m.container for m in self.all()}
        return tuple(sorted(names))

    def get(self, container: str) -> Checkpoint | None:
        """Return a container's checkpoint; a corrupt one says that something is inside."""
        try:
            data = (self._folder / container).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refused("read", container, error) from error
        try:
            return _parsed(container, json.loads(data))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            log.error("checkpoint of container %s is corrupt: %s", container, error)  # noqa: TRY400
            return Checkpoint(
                container=container,
                netns="",
                namespace="",
                pod="",
                phase=ContainerPhase.LEAVING,
                pairs=(),
            )

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the file in one step; raises NodeError.

        Where not a byte is free, what is known of a container can still be changed: its pairs must
        go back to the host under the names that are theirs.
        """
        file = self._folder / checkpoint.container
        data = json.dumps(_plain(checkpoint)).encode()
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            atomic_file.replace(file, data, durable=True, mode=0o600)
        except OSError as error:
            if error.errno != errno.ENOSPC or not _rewritten(file, data):
                raise self._refused("write", checkpoint.container, error) from error

    def remove(self, container: str) -> None:
        try:
            (self._folder / container).unlink(missing_ok=True)
        except OSError as error:
            raise self._refused("remove", container, error) from error

    def _refused(self, verb: str, container: str, error: OSError) -> NodeError:
        return NodeError(
            f"cannot {verb} {self._folder / container}: {error.strerror}; the agent's state folder "
            "must be writable"
        )


def _plain(checkpoint: Checkpoint) -> Mapping[str, object]:
    """Return what is written; the version before reads no pair with a key that it does not know."""
    plain = asdict(checkpoint)
    plain["mtus"] = {pair["id"]: pair.pop("mtu") for pair in plain["pairs"]}
    return plain


def _rewritten(file: Path, data: bytes) -> bool:
    """Overwrite a file where it lies, and tell whether that could be done.

    Within one page it takes no space, and no death of ours leaves half of it. JSON ends in any
    number of spaces.
    """
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    with os.fdopen(fd, "wb", buffering=0):
        data = data.ljust(os.fstat(fd).st_size)
        try:
            return len(data) <= _PAGE and os.pwrite(fd, data, 0) == len(data)
        except OSError:
            return False


def _parsed(container: str, data: Mapping[str, object]) -> Checkpoint:
    pairs, mtus = data["pairs"], data.get("mtus", {})
    if not isinstance(pairs, list) or not isinstance(mtus, dict):
        raise TypeError("pairs is not a list, or mtus not a mapping")
    return Checkpoint(
        container=container,
        netns=str(data["netns"]),
        namespace=str(data["namespace"]),
        pod=str(data["pod"]),
        phase=ContainerPhase(str(data["phase"])),
        uid=str(data.get("uid", "")),
        pairs=tuple(_record(pair, mtus) for pair in pairs),
    )


def _record(data: Mapping[str, Any], mtus: Mapping[str, Any]) -> PairRecord:
    """Read one pair; what a later version wrote beside is not for us."""
    if not isinstance(data, dict) or not isinstance(data.get("id"), str):
        raise TypeError(f"{data!r} is not a pair")
    mtu = mtus.get(data["id"])
    if not isinstance(mtu, int | None):
        raise TypeError(f"mtu {mtu!r} is not a number")
    return PairRecord(**{key: value for key, value in data.items() if key in _KEYS} | {"mtu": mtu})


def pairs_inside(checkpoints: Iterable[Checkpoint]) -> Inside:
    found: dict[str, dict[str, str]] = {}
    for checkpoint in checkpoints:
        if checkpoint.phase is ContainerPhase.INSIDE and checkpoint.netns:
            names = {record.interface: record.id for record in checkpoint.pairs}
            found[checkpoint.netns] = {**found.get(checkpoint.netns, {}), **names}
    return found
