"""Container images packed from files: an OCI archive with one layer, and no image registry."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FOLDERS = ("dev", "etc", "proc", "run", "sys", "tmp", "var")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_OCI = "application/vnd.oci.image"


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link in an image."""

    target: str


Content = Path | bytes | Link
"""A file or folder of this machine, a file's bytes, or a link."""


@dataclass(frozen=True, slots=True)
class Start:
    """How containers of an image start, unless their pod says otherwise."""

    entrypoint: Sequence[str] = ()
    env: Sequence[str] = ()
    user: str = ""


def archive(name: str, files: Mapping[str, Content], *, start: Start | None = None) -> bytes:
    """The same files give the same bytes, so an unchanged image is not imported twice."""
    architecture = {"architecture": _MACHINES[platform.machine()], "os": "linux"}
    layer = _layer(files)
    config = _json(
        {
            **architecture,
            "config": _config(start or Start()),
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _descriptor("config.v1+json", config),
            "layers": [_descriptor("layer.v1.tar", layer)],
        }
    )
    named = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    entry = _descriptor("manifest.v1+json", manifest)
    index = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.index.v1+json",
        "manifests": [entry | {"platform": architecture, "annotations": named}],
    }
    parts = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": _json(index)}
    blobs = {f"blobs/sha256/{_digest(blob)[7:]}": blob for blob in (layer, config, manifest)}
    return _tar({**parts, **blobs})


def libraries(program: Path) -> dict[str, Content]:
    """The shared libraries a program wants, where it will look for them."""
    told = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True)
    wanted = re.findall(r"(/\S+) \(0x", told.stdout)
    return {path: Path(path).resolve() for path in wanted}


def _config(start: Start) -> dict[str, Any]:
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"Entrypoint": [*start.entrypoint], "Env": [path, *start.env], "User": start.user}


def _layer(files: Mapping[str, Content]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in _FOLDERS:
            entry = _entry(folder, mode=0o1777 if folder == "tmp" else 0o755)
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
        for destination, content in sorted(files.items()):
            _add(tar, destination.lstrip("/"), content)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, destination: str, content: Content) -> None:
    if isinstance(content, Path):
        tar.add(content, destination, filter=_anonymous)
    elif isinstance(content, Link):
        entry = _entry(destination, mode=0o777)
        entry.type, entry.linkname = tarfile.SYMTYPE, content.target
        tar.addfile(entry)
    else:
        entry = _entry(destination, mode=0o755)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))


def _entry(name: str, *, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    return entry


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = 0
    return entry


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = _entry(name, mode=0o644)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _descriptor(kind: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": f"{_OCI}.{kind}", "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
