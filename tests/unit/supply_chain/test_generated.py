"""The image goes without the official client's generated half; nothing of ours may need it."""

from __future__ import annotations

import importlib.util
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import kubernetes
import pytest

import netvsc_operator

if TYPE_CHECKING:
    from types import ModuleType

IMAGE = Path(__file__).parents[3] / "image"
_PROGRAM = """
import importlib, sys
from importlib.abc import MetaPathFinder

class Without(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        home = name.rpartition(".")[0].replace("kubernetes.aio.", "kubernetes.")
        if home in {"kubernetes.client.api", "kubernetes.client.models"}:
            raise ModuleNotFoundError(f"the image has no {name}")

sys.meta_path.insert(0, Without())
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


@pytest.fixture
def rootfs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The build stage's own module, which is no package."""
    monkeypatch.syspath_prepend(str(IMAGE))
    spec = importlib.util.spec_from_file_location("rootfs", IMAGE / "rootfs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_module_of_the_operators_loads_without_it() -> None:
    found = pkgutil.walk_packages(netvsc_operator.__path__, "netvsc_operator.")
    names = [one.name for one in found if not one.name.endswith("__main__")]
    assert len(names) > 50
    subprocess.run([sys.executable, "-c", _PROGRAM, *names], check=True)


def test_what_is_left_out_is_where_the_locked_version_has_it(rootfs: ModuleType) -> None:
    home = Path(kubernetes.__path__[0])
    for folder in rootfs._GENERATED:
        names = [path.name for path in (home / folder).iterdir()]
        kept = set(names) - rootfs._left_out(str(home / folder), names)
        assert len(names) > 50
        assert kept <= {"__init__.py", "__pycache__"}
        pair = ["__init__.cpython-311.pyc", "v1_pod.cpython-311.pyc"]
        assert rootfs._left_out(str(home / folder / "__pycache__"), pair) == {pair[1]}


def test_of_another_package_the_same_folder_stays(rootfs: ModuleType) -> None:
    other = "/opt/netvsc/lib/python3.11/site-packages/other/client/api"
    assert rootfs._left_out(other, ["one.py", "tests"]) == {"tests"}
