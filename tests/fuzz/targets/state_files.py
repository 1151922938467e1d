"""What the agent kept for its next run: files that a full disk or a crash may have cut."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fuzz.engine import Target
from fuzz.mutate import structured
from netvsc_deviceplugin.cni.attach.checkpoint import CheckpointStore, ContainerPhase
from netvsc_deviceplugin.kubelet.verbs_checkpoint import VerbsCheckpoint

_NAME = "c0ffee"


@cache
def _folder() -> tuple[tempfile.TemporaryDirectory[str], Path]:
    kept = tempfile.TemporaryDirectory(prefix="fuzz-state-")
    folder = Path(kept.name)
    (folder / "containers").mkdir()
    return kept, folder


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def state_file(data: bytes) -> None:
    """A checkpoint that makes no sense says that a pair may be inside; lost verbs are none."""
    folder = _folder()[1]
    (folder / "containers" / _NAME).write_bytes(data)
    (folder / "given.json").write_bytes(data)
    with _unlogged():
        checkpoint = CheckpointStore(folder).get(_NAME)
        given = VerbsCheckpoint(folder).verbs()
    assert checkpoint
    assert isinstance(checkpoint.phase, ContainerPhase)
    for held in checkpoint.pairs:
        assert held.mac == held.id.replace("-", ":")
    for names in given.values():
        ",".join(names)


TARGETS = (Target(name="statefile", check=state_file, mutate=structured),)
