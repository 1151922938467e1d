"""An image's archive, read for what it tells of itself."""

from __future__ import annotations

import json
import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PARAGRAPHS = "var/lib/dpkg/status.d/"
_TELLING = re.compile(
    rf"^({PARAGRAPHS}[^/]+|.*\.dist-info/(METADATA|sboms/[^/]+\.json)"
    r"|(usr/bin/)?fdpipe|guard\.so|usr/lib/os-release|usr/share/doc/[^/]+/copyright)$"
)


@dataclass(frozen=True, slots=True)
class Image:
    digest: str
    """Of its configuration, which names the uncompressed layers': what a builder calls its ID."""
    files: Mapping[str, bytes]
    """Path → content, of those that tell what the image is made of."""
    names: frozenset[str]
    """Paths of all files."""


def read(path: Path) -> Image:
    files: dict[str, bytes] = {}
    names: set[str] = set()
    with tarfile.open(path) as outer:
        [manifest] = json.loads(_content(outer, "manifest.json"))
        for layer in manifest["Layers"]:
            for name, content in _entries(outer, layer):
                names.add(name)
                if content is not None:
                    files[name] = content
    digest = manifest["Config"].removesuffix(".json")
    return Image(digest=f"sha256:{digest}", files=files, names=frozenset(names))


def _entries(outer: tarfile.TarFile, layer: str) -> Iterator[tuple[str, bytes | None]]:
    with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
        for entry in inner:
            if entry.isfile():
                telling = _TELLING.match(entry.name)
                yield entry.name, _content(inner, entry) if telling else None


def _content(tar: tarfile.TarFile, entry: Any) -> bytes:
    opened = tar.extractfile(entry)
    return opened.read() if opened else b""
