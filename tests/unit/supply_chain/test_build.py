"""What goes into an image's build: checked before it is believed, and told once it is in."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster.harness import base, notices, project, wheels
from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[3]
POLICY = """\
libssl3:
  Installed: 3.0.18
  Candidate: 3.0.22
  Version table:
 *** 3.0.18 100
zlib1g:
  Installed: (none)
  Candidate: 1.2.13
  Version table:
local:
  Installed: 1
  Candidate: (none)
"""


@pytest.fixture(scope="module")
def debian() -> ModuleType:
    """The build stage's own module, which is no package."""
    spec = importlib.util.spec_from_file_location("debian", ROOT / "image/debian.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def debian_12(tmp_path: Path) -> Path:
    """A Debian with one package, that owns a library."""
    root = tmp_path / "base"
    files = {
        "var/lib/dpkg/status": "Package: libone\nVersion: 1\n\nPackage: other\nVersion: 2\n",
        "var/lib/dpkg/info/libone:amd64.list": "/.\n/lib\n/lib/one.so\n",
        "var/lib/dpkg/info/other.list": "/.\n/usr/bin/other\n",
        "usr/share/doc/libone/copyright": "See /usr/share/common-licenses/GPL-2.\n",
        "usr/share/common-licenses/GPL-2": "the text\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_package_that_gave_a_file_is_told_with_copyright_and_licence_and_no_other_is(
    debian: ModuleType, debian_12: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    debian.leave_notices(base=debian_12, root=root, files=[Path("/usr/lib/one.so"), Path("/none")])

    told = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert told == {
        "var/lib/dpkg/status.d/libone",
        "usr/share/doc/libone/copyright",
        "usr/share/common-licenses/GPL-2",
    }
    assert (root / "var/lib/dpkg/status.d/libone").read_text() == "Package: libone\nVersion: 1\n"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/lib/x/one.so", "/usr/lib/x/one.so"),
        ("/usr/lib/x/one.so", "/usr/lib/x/one.so"),
        ("/lib64/ld.so", "/usr/lib64/ld.so"),
        ("/library/one", "/library/one"),
    ],
)
def test_a_file_has_one_name_on_both_sides_of_the_merged_usr(
    debian: ModuleType, path: str, name: str
) -> None:
    assert debian.unmerged(path) == name


def test_a_wheel_that_the_lock_names_is_taken(tmp_path: Path) -> None:
    wheel = tmp_path / "one-1-py3-none-any.whl"
    wheel.write_bytes(b"reviewed")
    lock = f"one==1 \\\n    --hash=sha256:{hashlib.sha256(b'reviewed').hexdigest()}\n"
    wheels.check([wheel], lock)

    wheel.write_bytes(b"something else")
    with pytest.raises(ClusterError, match=r"one-1-py3-none-any\.whl .* is not what requirements"):
        wheels.check([wheel], lock)


def test_a_base_takes_what_was_mended_since_its_release_and_asks_for_nothing_else() -> None:
    has = {"libssl3": "3.0.18", "zlib1g": "1.2.13", "local": "1"}

    assert list(base.newer(has, POLICY)) == ["libssl3=3.0.22"]


def test_an_fdpipe_that_holds_another_c_library_than_musl_comes_into_no_image(
    tmp_path: Path,
) -> None:
    (tmp_path / "fdpipe/build").mkdir(parents=True)
    (tmp_path / "fdpipe/build/fdpipe").write_bytes(bytes(700_000))
    with pytest.raises(ClusterError, match="not built with musl: install musl-tools"):
        notices.collect(tmp_path, docs=tmp_path)


def test_what_an_image_bears_as_its_time_is_the_last_commits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert project.epoch() > 1_700_000_000
    with pytest.raises(ClusterError, match="set SOURCE_DATE_EPOCH"):
        project.epoch(tmp_path)

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert project.epoch(tmp_path) == 86400
