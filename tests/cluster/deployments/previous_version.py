"""The version before this one: its source, programs, images and chart, from the history.

tests/upgrade/pin.toml says which it is. Everything is built by that version's own recipes, once.
"""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from cluster.harness import ClusterError, project
from cluster.harness.layout import cache_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TAG = "previous"
_REGISTRY = "netvsc.io"
_PROGRAMS = ("fdpipe", "fdpipe-sim", "guard.so")


@cache
def commit() -> str:
    pin = project.ROOT / "tests/upgrade/pin.toml"
    return str(tomllib.loads(pin.read_text())["commit"])


@cache
def source() -> Path:
    """The tree of that version."""
    tree = _folder() / "source"
    with _locked():
        if not tree.exists():
            fresh = tree.with_name("unpacking")
            shutil.rmtree(fresh, ignore_errors=True)
            with tarfile.open(fileobj=io.BytesIO(_archive())) as packed:
                packed.extractall(fresh, filter="data")
            fresh.rename(tree)
    return tree


def program(name: str) -> Path:
    """One of its fdpipe's builds: fdpipe, fdpipe-sim or guard.so."""
    tree = source()
    with _locked():
        _run("make", "-s", "-C", str(tree / "fdpipe"), *(f"build/{one}" for one in _PROGRAMS))
    return tree / "fdpipe/build" / name


def image() -> bytes:
    """Its image of agent, controller and webhook, with the tag `previous`."""
    packed = _folder() / "cluster/images/agent.tar"
    program("fdpipe")
    with _locked():
        if not packed.exists():
            _share()
            # The old harness, told to keep what it makes in a folder of its own.
            harness = [sys.executable, "-m", "cluster.harness", "--name", "n", "images"]
            harness += [_REGISTRY, TAG]
            networks = str(project.containers_conf(cache_home() / "buildah"))
            _run(*harness, NETVSC_CACHE=str(_folder()), CONTAINERS_CONF=networks, **python())
    return packed.read_bytes()


def python() -> dict[str, str]:
    """The environment in which a Python imports that version."""
    tree = source()
    parts = (tree / part for part in ("tests", ".", "deviceplugin", "operator"))
    return {"PYTHONPATH": os.pathsep.join(str(part) for part in parts)}


def chart() -> str:
    return str(source() / "charts/netvsc-operator")


def _folder() -> Path:
    # Short: a harness refuses a cache below which the path of a socket would be too long.
    return cache_home().parent / "n-1" / commit()[:7]


def _archive() -> bytes:
    """What git has; a clone without history has not got it."""
    done = subprocess.run(
        ["git", "-C", str(project.ROOT), "archive", commit()], check=False, capture_output=True
    )
    if done.returncode:
        raise ClusterError(
            f"commit {commit()[:12]}, which an upgrade begins with (tests/upgrade/pin.toml), is not"
            f" in this clone: run git fetch --unshallow ({done.stderr.decode().strip()})"
        )
    return done.stdout


def _share() -> None:
    """Let it have the base image and the wheels that are there: both versions want the same."""
    home = _folder() / "cluster"
    home.mkdir(exist_ok=True)
    store = cache_home() / "buildah"
    store.mkdir(parents=True, exist_ok=True)
    if not (home / "buildah").is_symlink():
        (home / "buildah").symlink_to(store)
    ours, theirs = project.ROOT / "build/wheels", source() / "build/wheels"
    if ours.is_dir() and not theirs.exists():
        shutil.copytree(ours, theirs, ignore=shutil.ignore_patterns("netvsc_operator-*"))


@contextmanager
def _locked() -> Iterator[None]:
    """Two test runs at once build one after the other."""
    _folder().mkdir(parents=True, exist_ok=True)
    with (_folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*argv: str, **environment: str) -> None:
    done = subprocess.run(
        argv,
        check=False,
        capture_output=True,
        text=True,
        cwd=source(),
        env=os.environ | environment,
    )
    if done.returncode:
        told = (done.stdout + done.stderr)[-3000:]
        raise ClusterError(f"{' '.join(argv)}: exit code {done.returncode}:\n{told}")
