"""The lines of DPDK that the promise is tested on, each a distribution's own build.

22.11 is this machine's (Debian 12). 24.11 and 25.11 are Debian 13's and unstable's packages in root
folders, entered by chroot, as in a container of that image. With DPDK_SRC=<source tree> a fourth is
built from it.
"""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dpdk import machine

PLUGIN = "librte_net_fakevf.so"
ROOTS = {"24.11": "trixie", "25.11": "sid"}
SOURCE = "source"
_FOLDERS = ("/proc", "/sys", "/dev", "/run/dpdk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    name: str  # "22.11", or what the source tree calls itself
    plugin: Path  # the stand-in VF driver, as the program sees it
    program: str = "dpdk-testpmd"
    root: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    tree: Path | None = None  # its source, where there is one
    failsafe: Path | None = None  # its installed driver
    links: tuple[str, ...] = ()  # what a driver of it has to be linked with

    @property
    def is_first(self) -> bool:
        """The oldest, in which a second release darkens port 0 and does not kill."""
        return self.name == "22.11"

    def entered(self) -> list[str]:
        """What comes before a command so that it runs where this line is."""
        if not self.root:
            return []
        shared = (*_FOLDERS, tempfile.gettempdir())
        mounts = [f"mkdir -p {self.root}{one}" for one in shared]
        mounts += [f"mount --rbind {one} {self.root}{one}" for one in shared]
        script = " && ".join(["mkdir -p /run/dpdk", *mounts, f'exec chroot {self.root} "$@"'])
        return ["sh", "-c", script, "sh"]


def names() -> tuple[str, ...]:
    return ("22.11", *ROOTS, *_sources())


def with_source() -> tuple[str, ...]:
    """The lines whose source is at hand: Debian's archive has that of the machine's own release."""
    return ("22.11", *_sources())


def _sources() -> tuple[str, ...]:
    return (SOURCE,) if os.environ.get("DPDK_SRC") else ()


def flags(line: Line) -> list[str]:
    """What a C compiler needs to build against this line's headers."""
    if line.name == "22.11":
        command = ["pkg-config", "--cflags", "libdpdk"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return shlex.split(shown)
    command = ["pkg-config", "--cflags-only-other", "libdpdk"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [f"-I{line.plugin.parent / 'installed' / 'include'}", *shlex.split(shown)]


@functools.cache
def named(name: str) -> Line:
    cache = machine.cache()
    if name in ROOTS:
        root = cache / ROOTS[name]
        if not (root / ".done").exists():
            raise RuntimeError(f"{root} was not set up: tests/dpdk/setup.sh says why")
        return Line(name=name, root=root, plugin=Path("/usr/lib/netvsc") / PLUGIN)
    if name == SOURCE:
        return _from_source(cache / SOURCE)
    return Line(
        name=name,
        plugin=cache / "plugins" / PLUGIN,
        tree=cache / "src" / "dpdk",
        failsafe=_driver(Path("/usr/lib"), "*-linux-gnu/dpdk"),
    )


def _driver(folder: Path, where: str) -> Path:
    [found] = folder.glob(f"{where}/pmds-*/librte_net_failsafe.so.*.*")
    return found


def _from_source(folder: Path) -> Line:
    installed = folder / "installed"
    return Line(
        name=(folder / "version").read_text().strip(),
        plugin=folder / PLUGIN,
        program=str(installed / "bin" / "dpdk-testpmd"),
        env={"LD_LIBRARY_PATH": str(installed / "lib")},
        tree=Path(os.environ["DPDK_SRC"]),
        failsafe=_driver(installed, "lib/dpdk"),
        links=("-Wl,--no-as-needed", f"-L{installed / 'lib'}", "-lrte_bus_vdev"),
    )
