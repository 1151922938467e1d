"""The images that are pushed: built twice they are the same, and they tell what they hold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cluster.harness import addresses, project
from cluster.harness.command import told
from supply_chain import archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

TARGETS = ("agent", "fdpipe")
NEEDED = (
    *("Dockerfile", ".dockerignore", ".gitignore", "LICENSE", "README.md"),
    *(
        "pyproject.toml",
        "requirements.lock",
        "image",
        "fdpipe",
        "netvsc",
        "deviceplugin",
        "operator",
    ),
)


@dataclass(frozen=True, slots=True)
class Builds:
    sidecar: str
    """The ID of the sidecar's image from this tree; the agent's is the one the node has."""
    sources: Path
    """A copy of this tree."""
    images: Path
    """Where the archives are that were built from the copy."""

    def again(self, target: str) -> str:
        return project.identity(self.images / f"{target}.tar")


@pytest.fixture(scope="module")
def builds(cluster: Cluster, agent_image: str, tmp_path_factory: pytest.TempPathFactory) -> Builds:
    """Of the agent, the first build is the one that the other modules use."""
    assert agent_image
    place = tmp_path_factory.mktemp("another")
    copy = place / "folder"
    _copy_sources(copy)
    (place / "first.tar").write_bytes(_build(cluster, "fdpipe", project.ROOT))
    with pytest.MonkeyPatch.context() as patch, _umask(0o077):
        patch.setenv("SOURCE_DATE_EPOCH", str(project.epoch()))
        patch.setenv("TZ", "Pacific/Chatham")
        patch.setenv("PYTHONHASHSEED", "7")
        told("make", "-s", "-C", str(copy / "fdpipe"), "build/fdpipe", "build/guard.so")
        for target in TARGETS:
            (place / f"{target}.tar").write_bytes(_build(cluster, target, copy))
    return Builds(sidecar=project.identity(place / "first.tar"), sources=copy, images=place)


def _build(cluster: Cluster, target: str, root: Path) -> bytes:
    return project.image(cluster.layout, target, f"netvsc.io/{target}:twice", root=root)


def _copy_sources(to: Path) -> None:
    """What git would give, with the times of now instead of those of this tree."""
    asked = ["git", "-C", str(project.ROOT), "ls-files", "--cached", "--others"]
    for name in told(*asked, "--exclude-standard", "--", *NEEDED).splitlines():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project.ROOT / name, to / name)
    shutil.copytree(project.ROOT / "build/wheels", to / "build/wheels")


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _supply(builds: Builds, *words: str) -> None:
    argv = [sys.executable, "-m", "supply_chain", *words, "--images", str(builds.images)]
    environment = os.environ | {"PYTHONPATH": str(project.ROOT / "tests")}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_program_and_its_guard_come_out_of_another_folder_byte_for_byte(
    builds: Builds,
) -> None:
    for name in ("fdpipe", "guard.so"):
        again = builds.sources / "fdpipe/build" / name
        assert again.read_bytes() == project.program(name).read_bytes(), name


def test_built_again_elsewhere_under_another_umask_and_clock_both_images_have_the_same_id(
    cluster: Cluster, builds: Builds
) -> None:
    ctr = [str(cluster.layout.tools / "ctr"), "--address", addresses.CONTAINERD]
    listed = cluster.node.run([*ctr, "--namespace", "k8s.io", "images", "list", "--quiet"])

    assert builds.again("agent") in listed.stdout.decode().split()
    assert builds.again("fdpipe") == builds.sidecar


def test_each_image_has_a_bill_of_materials_that_is_valid_and_the_same_when_written_again(
    builds: Builds,
) -> None:
    places = [builds.images / f"{target}.cdx.json" for target in TARGETS]
    _supply(builds, "sbom")
    first = [place.read_bytes() for place in places]
    _supply(builds, "sbom")

    assert [place.read_bytes() for place in places] == first
    for target, text in zip(TARGETS, first, strict=True):
        [digest] = json.loads(text)["metadata"]["component"]["hashes"]
        assert f"sha256:{digest['content']}" == builds.again(target)


def test_the_page_of_licences_is_what_the_images_say(builds: Builds, tmp_path: Path) -> None:
    _supply(builds, "licences", "--page", str(tmp_path / "licences.md"))

    page = (project.ROOT / "docs/licences.md").read_text()
    assert (tmp_path / "licences.md").read_text() == page, "run make licences"


def test_every_package_of_debian_in_the_image_lies_beside_its_copyright(builds: Builds) -> None:
    names = archive.read(builds.images / "agent.tar").names
    packages = {name.rpartition("/")[2] for name in names if "dpkg/status.d/" in name}

    assert {"libc6", "libssl3", "musl-dev", "python3.11"} <= packages
    assert {f"usr/share/doc/{package}/copyright" for package in packages} <= names
    assert {"usr/share/common-licenses/GPL-2", "usr/share/common-licenses/LGPL-2.1"} <= names
    assert not {name for name in names if "libreadline" in name or "libdb-" in name}
