"""What an image is made of, from the files in it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from supply_chain import archive
from supply_chain.known import BUNDLED, UnknownLicenceError
from supply_chain.parts import canonical, parts

if TYPE_CHECKING:
    from pathlib import Path

GLIBC = b"""\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 1:2.36-9+b1
Description: shared libraries
 Source: of much
"""
WHEEL = "opt/netvsc/lib/python3.11/site-packages/An_Example-1.2.dist-info"
METADATA = b"Metadata-Version: 2.4\nName: An_Example\nVersion: 1.2\nLicense-Expression: MIT\n\n"


def test_a_debian_package_is_named_as_scanners_name_it_with_its_source_and_licence() -> None:
    files = {"usr/lib/os-release": b'ID=debian\nVERSION_ID="12"\n'}
    [part] = parts({**files, "var/lib/dpkg/status.d/libc6": GLIBC}, wheels={}, version="1")

    assert part.purl == "pkg:deb/debian/libc6@1%3A2.36-9%2Bb1?arch=amd64&distro=debian-12"
    assert (part.version, part.source) == ("1:2.36-9+b1", "glibc")
    assert part.licence == "LGPL-2.1-or-later"


def test_a_distribution_comes_with_the_hash_of_the_wheel_it_was_installed_from() -> None:
    files = {f"{WHEEL}/METADATA": METADATA}
    [part] = parts(files, wheels={"an-example": "ab" * 32}, version="1")

    assert (part.name, part.licence, part.sha256) == ("an-example", "MIT", "ab" * 32)
    assert part.purl == "pkg:pypi/an-example@1.2"


def test_what_a_wheel_declares_inside_itself_is_a_part_of_it() -> None:
    told = {
        "components": [
            {
                "name": "asn1",
                "version": "0.24",
                "purl": "pkg:cargo/asn1@0.24?x=y",
                "licenses": [{"license": {"id": "MIT"}}, {"expression": "BSD-3-Clause"}],
            },
            {"name": "openssl", "version": "4.0"},
        ]
    }
    files = {f"{WHEEL}/METADATA": METADATA, f"{WHEEL}/sboms/a.json": json.dumps(told).encode()}
    [part] = parts(files, wheels={}, version="1")

    assert [(held.purl, held.licence) for held in part.holds] == [
        ("pkg:cargo/asn1@0.24", "MIT AND BSD-3-Clause"),
        ("", "Apache-2.0"),
    ]


def test_our_programs_are_parts_with_the_version_of_the_project() -> None:
    [part] = parts({"usr/bin/fdpipe": b"program"}, wheels={}, version="0.1.0")

    assert (part.name, part.version) == ("/usr/bin/fdpipe", "0.1.0")
    assert part.sha256 == hashlib.sha256(b"program").hexdigest()


def test_a_debian_package_that_nobody_has_looked_at_is_named_with_what_to_do() -> None:
    files = {"var/lib/dpkg/status.d/libc6": GLIBC.replace(b"glibc", b"newlib")}
    with pytest.raises(UnknownLicenceError, match=r"newlib.*copyright file.*known\.py"):
        parts(files, wheels={}, version="1")


def test_a_distribution_without_a_clear_licence_is_named_with_what_it_says() -> None:
    metadata = METADATA.replace(b"License-Expression: MIT", b"License: Do as you like")
    with pytest.raises(UnknownLicenceError, match=r"An_Example 1\.2 says 'Do as you like'"):
        parts({f"{WHEEL}/METADATA": metadata}, wheels={}, version="1")


@pytest.mark.parametrize("written", ["An.Example", "an_example", "AN--Example"])
def test_a_distribution_has_one_name_however_it_is_written(written: str) -> None:
    assert canonical(written) == "an-example"


@pytest.mark.parametrize(
    ("distribution", "held"), [(name, held) for name, all_ in BUNDLED.items() for held in all_]
)
def test_what_we_say_is_bundled_shows_its_mark_in_the_locked_wheel(
    distribution: str, held: object
) -> None:
    wanted = BUNDLED[distribution][BUNDLED[distribution].index(held)]
    root = importlib.metadata.distribution(distribution).locate_file("")
    found = list(type(root)(root).glob(wanted.file))

    assert len(found) == 1
    assert wanted.mark in found[0].read_bytes()


def _packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def test_an_archive_is_read_for_all_names_and_the_content_that_tells(tmp_path: Path) -> None:
    layer = _packed({"var/lib/dpkg/status.d/libc6": GLIBC, "usr/lib/libc.so.6": b"machine code"})
    manifest = json.dumps([{"Config": "abcd.json", "Layers": ["one.tar"]}]).encode()
    (tmp_path / "image.tar").write_bytes(_packed({"one.tar": layer, "manifest.json": manifest}))

    image = archive.read(tmp_path / "image.tar")

    assert image.digest == "sha256:abcd"
    assert image.files == {"var/lib/dpkg/status.d/libc6": GLIBC}
    assert image.names == {"var/lib/dpkg/status.d/libc6", "usr/lib/libc.so.6"}
