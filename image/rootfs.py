"""Collects what the project's Python needs to run, and nothing else, into an empty root.

Run in the build stage as `python3 rootfs.py ROOT`: the interpreter, the standard library without
what only developers use, the virtual environment, and the shared libraries all of these name. No
shell comes along, no package manager, and no pip. What is collected depends on the files alone: not
on the caller's umask, not on when or in which order they came, not on a random seed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import debian

VENV = Path("/opt/netvsc")
_DEVELOPERS = ("ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "tkinter")
# Nothing here imports these modules; they alone would bring GNU readline (GPL-3), Berkeley DB
# (Sleepycat), Kerberos and ten more libraries, all of them to be kept up to date.
_UNUSED = (
    "readline",
    "_curses*",
    "_dbm",
    "nis",
    "_crypt",
    "_sqlite3",
    "_test*",
    "_xxtest*",
    "xxlim*",
)
_MODULES = tuple(f"{name}.*.so" for name in _UNUSED)
# What the programs stand on. Some of it is loaded late: without this a module that is left out here
# is first missed on a node.
_LOADED = (
    *("aiohttp", "cryptography.x509", "grpc.aio", "kopf", "kubernetes.aio", "kubernetes.watch"),
    *("prometheus_client", "yaml"),
)
_TRY = """
import importlib, importlib.util, sys
for name in sys.argv[1:]:
    if importlib.util.find_spec(name.partition(".")[0]):  # an image of one extra lacks the other's
        importlib.import_module(name)
if importlib.util.find_spec("netvsc_deviceplugin"):  # of pyroute2 parts alone are loaded, and by it
    importlib.import_module("netvsc_deviceplugin.kernel.requests.messages").load()
"""
_SOURCES = ("config-3*", "*.a", "*.c", "*.h", "*.pyx", "*.pxd")
_PATTERNS = shutil.ignore_patterns(*_DEVELOPERS, *_MODULES, *_SOURCES)
# The official client's typed calls and objects, twice 60 MB: ours are written below them, and what
# would load one fails where it is built (tests/unit/supply_chain/test_generated.py), not on a node.
_GENERATED = ("client/api", "client/models", "aio/client/api", "aio/client/models")
_MERGED = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}
# Runtimes say /var/run/netns/…, and what is mounted is /run/netns.
_LINKS = {**_MERGED, "var/run": "../run", "etc/os-release": "../usr/lib/os-release"}
_RELEASE = Path("/usr/lib/os-release")
_FILES = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nnetvsc:x:65532:65532::/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnetvsc:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def main(root: Path) -> None:
    os.umask(0o022)
    for folder in ("etc", "proc", "run", "sys", "dev", "tmp", "var", *_MERGED.values()):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for name, target in _LINKS.items():
        if not (root / name).exists():
            (root / name).symlink_to(target)
    for name, text in _FILES.items():
        (root / name).write_text(text)
    stdlib = Path(sysconfig.get_path("stdlib"))
    for tree in (stdlib, VENV):
        _compile(tree)
        shutil.copytree(tree, _below(root, tree), symlinks=True, ignore=_left_out)
    _interpreter(root)
    libraries = _libraries([_binary(), *root.rglob("*.so"), *root.rglob("*.so.*")])
    for file in (*libraries, _RELEASE):
        _copy(file, root)
    copied = [path for path in stdlib.rglob("*") if _below(root, path).exists()]
    files = [_binary(), _RELEASE, *libraries, *(path.resolve() for path in libraries), *copied]
    debian.leave_notices(base=Path("/"), root=root, files=files)
    python = str(VENV / "bin/python3")
    subprocess.run(["chroot", str(root), python, "-B", "-c", _TRY, *_LOADED], check=True)


def _left_out(folder: str, names: list[str]) -> set[str]:
    inside = folder.partition("/site-packages/kubernetes/")[2].removesuffix("/__pycache__")
    needless = [name for name in names if not name.startswith(("__init__.", "__pycache__"))]
    return {*_PATTERNS(folder, names), *(needless if inside in _GENERATED else ())}


def _compile(tree: Path) -> None:
    """Bytecode that is never checked against its source: files in an image do not change.

    What Debian compiled knows its source by its time, which the image does not keep: all anew.
    """
    for old in tree.rglob("*.pyc"):
        old.unlink()
    mode = ["--invalidation-mode", "unchecked-hash"]
    argv = [sys.executable, "-m", "compileall", "-f", "-qq", *mode, str(tree)]
    subprocess.run(argv, check=False, env=os.environ | {"PYTHONHASHSEED": "0"})


def _binary() -> Path:
    return Path(sys.executable).resolve()


def _interpreter(root: Path) -> None:
    """The binary, and the links by which the virtual environment finds it."""
    _copy(_binary(), root)
    for link in _binary().parent.glob("python3*"):
        if link.is_symlink() and link.resolve() == _binary():
            _below(root, link).symlink_to(link.readlink())


def _libraries(programs: list[Path]) -> set[Path]:
    found = set()
    for program in programs:
        told = subprocess.run(["ldd", str(program)], check=False, capture_output=True, text=True)
        found |= {Path(path) for path in re.findall(r"(/\S+) \(0x", told.stdout)}
    return {path for path in found if not path.is_relative_to(VENV)}


def _copy(path: Path, root: Path) -> None:
    """Under the name it is looked for, in the folder that name really leads to."""
    target = _below(root, path.parent.resolve() / path.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path.resolve(), target)


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
