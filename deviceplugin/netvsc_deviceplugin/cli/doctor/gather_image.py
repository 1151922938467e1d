"""Read an image's unpacked root: which DPDK and which rdma-core are in it, by their file names.

DPDK's libraries carry its ABI version (librte_ethdev.so.23), its drivers too; libibverbs carries
rdma-core's version as its last two numbers (libibverbs.so.1.14.44.0), and each of rdma-core's
drivers is a library of its own (libmlx5-rdmav34.so).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from netvsc.errors import RequestError
from netvsc_deviceplugin.cli.doctor.facts import ImageFacts

_LIBRARIES = ("lib", "lib64", "usr/lib", "usr/lib64", "usr/local/lib", "usr/local/lib64", "opt")
_ETHDEV = re.compile(r"librte_ethdev\.so\.(\d+)")
_DRIVER = re.compile(r"librte_(?:pmd|net|common)_(\w+)\.so\.\d+")
_IBVERBS = re.compile(r"libibverbs\.so\.1\.\d+\.(\d+)\.(\d+)")
_PROVIDER = re.compile(r"lib(\w+)-rdmav\d+\.so")


def image(root: Path) -> ImageFacts:
    """Read an image; raises RequestError for a root that is none."""
    if not any((root / folder).is_dir() for folder in _LIBRARIES):
        raise RequestError(
            f"--image-root {root}: has no lib and no usr/lib; name the folder that the image was "
            "unpacked into, as by `buildah mount` or `podman image mount`"
        )
    return named(str(root), _names(root))


def named(root: str, names: Iterable[str]) -> ImageFacts:
    """Return what the names of an image's libraries say. Pure."""
    files = list(names)
    abis = [int(found[1]) for name in files if (found := _ETHDEV.match(name))]
    cores = [(int(found[1]), int(found[2])) for name in files if (found := _IBVERBS.match(name))]
    return ImageFacts(
        root=root,
        abi=min(abis, default=None),
        drivers=frozenset(found[1] for name in files if (found := _DRIVER.match(name))),
        rdma=min(cores, default=None),
        providers=frozenset(found[1] for name in files if (found := _PROVIDER.match(name))),
    )


def _names(root: Path) -> Iterator[str]:
    for folder in _LIBRARIES:
        if not (root / folder).is_symlink():  # /lib of a merged /usr; absolute ones lead out
            for _, _, files in os.walk(root / folder):
                yield from (name for name in files if name.startswith("lib"))
