"""What one version leaves for another: read, or read and written again.

    exchange.py read STATE           what is understood of it, as JSON
    exchange.py rewrite STATE OUT    the same as this version writes it

Run by either version's Python; by that of the version before by way of former.py (`by`).
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netvsc.encoding.serialize import from_plain, to_plain
from netvsc.model.interface_names import ANNOTATION as INTERFACES
from netvsc.model.interface_names import read_names, write_names
from netvsc.model.status import NodeStatus
from netvsc_deviceplugin.cni.attach.checkpoint import CheckpointStore
from netvsc_deviceplugin.cni.chain.conflist import with_us, without_us
from netvsc_deviceplugin.cni.deferred_calls import DeferredCalls
from netvsc_deviceplugin.kubelet.verbs_checkpoint import VerbsCheckpoint
from netvsc_deviceplugin.netvscnode import cache
from netvsc_deviceplugin.netvscnode.spec import AcceptedSpec, accept
from netvsc_deviceplugin.sidecar.protocol import parse
from netvsc_operator.controller.events import reported
from netvsc_operator.pools import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What a pod's condition says stands in the pod alone; who still keeps a note of it writes it anew.
_NEEDED_NO_MORE = re.compile(r"(\.told)?\.pods\.[^.]+\.(status|reason|message) ")
# Words that were renamed since that version, as netvsc/model/status.py reads them.
_RENAMED = {"served": "Attached"}

Plain = Any


def by(environment: Mapping[str, str], *words: str | Path) -> str:
    """Have it done by the Python of the version before, which `environment` makes importable."""
    argv = [sys.executable, str(Path(__file__).with_name("former.py")), *map(str, words)]
    done = subprocess.run(
        argv, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise AssertionError(f"{argv}: {done.stderr}")
    return done.stdout


def read(state: Path) -> Plain:
    node, pool, pod = (
        _json(state / f"{name}.json") for name in ("netvscnode", "netvscpool", "pod")
    )
    [active] = registry.registry_of([pool]).pools
    return _plain({
        "markers": list(CheckpointStore(state / "run").all()),
        "passed": DeferredCalls(state / "run").all(),
        "given": VerbsCheckpoint(state / "run").verbs(),
        "copy": cache.load(state / "run"),
        "spec": accept(node["metadata"]["generation"], node["spec"], AcceptedSpec()),
        "status": from_plain(NodeStatus, node["status"]),
        "told": reported.read(_annotations(node)[reported.ANNOTATION], node="recorded"),
        "pool": active.pool,
        "names": read_names(_annotations(pod)[INTERFACES]),
        "chain": json.loads(without_us((state / "conflist.json").read_bytes())),
        "sidecar": [parse(line) for line in _lines(state)],
    })  # fmt: skip


def rewrite(state: Path, out: Path) -> None:
    """Write what is read, each in its place; what this program never writes is copied."""
    (out / "sidecar").mkdir(parents=True)
    for checkpoint in CheckpointStore(state / "run").all():
        CheckpointStore(out / "run").save(checkpoint)
    for call in DeferredCalls(state / "run").all():
        DeferredCalls(out / "run").save(call)
    VerbsCheckpoint(out / "run").give(VerbsCheckpoint(state / "run").verbs())
    cache.save(out / "run", cache.load(state / "run"))
    _rewrite_objects(state, out)
    chain = without_us((state / "conflist.json").read_bytes())
    (out / "conflist.json").write_bytes(with_us(chain))
    (out / "sidecar/status").write_bytes((state / "sidecar/status").read_bytes())


def _rewrite_objects(state: Path, out: Path) -> None:
    node, pod = _json(state / "netvscnode.json"), _json(state / "pod.json")
    node["status"] = to_plain(from_plain(NodeStatus, node["status"]))
    notes = _annotations(node)
    notes[reported.ANNOTATION] = reported.write(
        reported.read(notes[reported.ANNOTATION], node="recorded")
    )
    names = _annotations(pod)
    names[INTERFACES] = write_names(read_names(names[INTERFACES]))
    for name, thing in (
        ("netvscnode", node),
        ("netvscpool", _json(state / "netvscpool.json")),
        ("pod", pod),
    ):
        (out / f"{name}.json").write_text(json.dumps(thing))


def lacks(newer: Plain, older: Plain) -> list[str]:
    """Return what the newer reading lacks of the older and should not."""
    return [one for one in covers(newer, older) if not _NEEDED_NO_MORE.match(one)]


def covers(newer: Plain, older: Plain, path: str = "") -> Iterable[str]:
    """Say what the newer reading lacks of the older, or has otherwise; it may have more."""
    if isinstance(older, dict) and isinstance(newer, dict):
        for key, value in older.items():
            if key in newer:
                yield from covers(newer[key], value, f"{path}.{key}")
            else:
                yield f"{path}.{key} is not there"
    elif isinstance(older, list) and isinstance(newer, list) and len(older) == len(newer):
        for number, value in enumerate(older):
            yield from covers(newer[number], value, f"{path}.{number}")
    elif newer not in (older, _now(older)):
        yield f"{path} is {newer!r}, not {older!r}"


def _now(word: Plain) -> Plain:
    return _RENAMED.get(word, word) if isinstance(word, str) else word


def _lines(state: Path) -> list[bytes]:
    return (state / "sidecar/status").read_bytes().splitlines()


def _json(file: Path) -> Plain:
    return json.loads(file.read_text())


def _annotations(thing: Plain) -> Plain:
    return thing["metadata"]["annotations"]


def _plain(thing: Plain) -> Plain:
    """As JSON has it: no class of either version's."""
    return json.loads(json.dumps(thing, default=_parts))


def _parts(thing: Plain) -> Plain:
    return dataclasses.asdict(thing) if dataclasses.is_dataclass(thing) else list(thing)  # type: ignore[arg-type]


if __name__ == "__main__":
    verb, *places = sys.argv[1:]
    if verb == "read":
        print(json.dumps(read(Path(places[0]))))
    else:
        rewrite(Path(places[0]), Path(places[1]))
