"""Collects what the project's Python needs to run, and nothing else, into an empty root.

Run in the build stage as `python3 rootfs.py ROOT`: the interpreter, the standard library without
what only developers use, the virtual environment, and the shared libraries all of these name. No
shell comes along, no package manager, and no pip.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

VENV = Path("/opt/netvsc")
_DEVELOPERS = ("ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "tkinter")
_LEFT_OUT = shutil.ignore_patterns(*_DEVELOPERS, "config-3*", "*.a", "*.c", "*.h", "*.pyx", "*.pxd")
_MERGED = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}
# Runtimes say /var/run/netns/…, and what is mounted is /run/netns.
_LINKS = {**_MERGED, "var/run": "../run"}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nnetvsc:x:65532:65532::/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnetvsc:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def main(root: Path) -> None:
    for folder in ("etc", "proc", "run", "sys", "dev", "tmp", "var", *_MERGED.values()):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    for name, target in _LINKS.items():
        if not (root / name).exists():
            (root / name).symlink_to(target)
    for name, text in _FILES.items():
        (root / name).write_text(text)
    for tree in (Path(sysconfig.get_path("stdlib")), VENV):
        _compile(tree)
        shutil.copytree(tree, _below(root, tree), symlinks=True, ignore=_LEFT_OUT)
    _interpreter(root)
    for library in _libraries([_binary(), *root.rglob("*.so"), *root.rglob("*.so.*")]):
        _copy(library, root)


def _compile(tree: Path) -> None:
    """Bytecode that is never checked against its source: files in an image do not change."""
    mode = ["--invalidation-mode", "unchecked-hash"]
    subprocess.run([sys.executable, "-m", "compileall", "-qq", *mode, str(tree)], check=False)


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
