"""What an image is made of, from what it tells of itself (pure)."""

from __future__ import annotations

import email.parser
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from supply_chain.archive import PARAGRAPHS
from supply_chain.known import BUNDLED, DECLARED, debian_licence, python_licence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROGRAMS = ("usr/bin/fdpipe", "fdpipe", "guard.so")


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    version: str
    licence: str
    purl: str = ""
    sha256: str = ""
    """Of the file it came as: a wheel, or a program."""
    source: str = ""
    """The Debian source package."""
    holds: tuple[Part, ...] = ()
    """What it brings inside its own files."""


def parts(files: Mapping[str, bytes], *, wheels: Mapping[str, str], version: str) -> list[Part]:
    """`wheels` is the SHA-256 of each distribution's, by its name as purls write it."""
    found = [*_debian(files), *_python(files, wheels), *_programs(files, version)]
    return sorted(found, key=lambda part: (part.purl, part.name))


def _debian(files: Mapping[str, bytes]) -> Iterator[Part]:
    codename = _release(files)
    for path, content in files.items():
        if not path.startswith(PARAGRAPHS):
            continue
        told: dict[str, str] = dict(re.findall(r"^(\S+): (.*)$", content.decode(), re.MULTILINE))
        name, version = told["Package"], told["Version"]
        source = told.get("Source", name).partition(" ")[0]
        arch = f"?arch={told['Architecture']}&distro={codename}"
        yield Part(
            name=name,
            version=version,
            licence=debian_licence(source),
            purl=f"pkg:deb/debian/{name}@{quote(version, safe='.-~')}{arch}",
            source=source,
        )


def _release(files: Mapping[str, bytes]) -> str:
    """The sidecar's image has no release file; its C library is Debian 12's all the same."""
    text = files.get("usr/lib/os-release", b"VERSION_ID=12").decode()
    [number] = re.findall(r'^VERSION_ID="?([^"\n]+)', text, re.MULTILINE)
    return f"debian-{number}"


def _python(files: Mapping[str, bytes], wheels: Mapping[str, str]) -> Iterator[Part]:
    for path, content in files.items():
        folder, _, last = path.rpartition("/")
        if last != "METADATA":
            continue
        told = email.parser.BytesParser().parsebytes(content)
        name, version = canonical(str(told["Name"])), str(told["Version"])
        yield Part(
            name=name,
            version=version,
            licence=python_licence(told),
            purl=f"pkg:pypi/{name}@{version}",
            sha256=wheels.get(name, ""),
            holds=(*_declared(files, f"{folder}/sboms/"), *_bundled(name)),
        )


def _declared(files: Mapping[str, bytes], folder: str) -> Iterator[Part]:
    """What a wheel itself says it holds (PEP 770)."""
    for path in sorted(name for name in files if name.startswith(folder)):
        for told in json.loads(files[path])["components"]:
            licences = [_one_licence(entry) for entry in told.get("licenses", ())]
            yield Part(
                name=told["name"],
                version=told["version"],
                licence=" AND ".join(licences) or DECLARED.get(told["name"], ""),
                purl=told.get("purl", "").partition("?")[0],
            )


def _one_licence(told: Mapping[str, Any]) -> str:
    return str(told.get("expression") or told["license"].get("id") or told["license"]["name"])


def _bundled(name: str) -> Iterator[Part]:
    for held in BUNDLED.get(name, ()):
        yield Part(name=held.name, version="", licence=held.licence)


def _programs(files: Mapping[str, bytes], version: str) -> Iterator[Part]:
    for path in _PROGRAMS:
        if path in files:
            digest = hashlib.sha256(files[path]).hexdigest()
            yield Part(name=f"/{path}", version=version, licence="Apache-2.0", sha256=digest)


def canonical(name: str) -> str:
    """PEP 503: one name for a distribution, however it is written."""
    return re.sub(r"[-_.]+", "-", name).lower()
