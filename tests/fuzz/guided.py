"""Python targets led by coverage: atheris, for those who installed it; the tests do not need it.

A process of its own, `python -m fuzz.guided TARGET SECONDS FOLDER`: modules are instrumented as
they are imported, and libFuzzer ends the process that it is in.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from random import Random

from fuzz.engine import seeds

_OURS = ["netvsc", "netvsc_deviceplugin", "netvsc_operator", "yaml"]


def run(name: str, *, seconds: int, into: Path) -> bool:
    """Fuzz one target; new inputs go `into` a folder. Return whether nothing was found."""
    into.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz.guided", name, str(seconds), str(into)]
    return subprocess.run(command, check=False).returncode == 0


def main(name: str, seconds: str, into: str) -> None:
    """Never return: libFuzzer's end is the process's."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=_OURS):
        target = importlib.import_module("fuzz.targets").TARGETS[name]
    arguments = [
        "fuzz", f"-max_total_time={seconds}", "-max_len=8192", "-timeout=30",
        "-rss_limit_mb=1024", "-print_final_stats=1", f"-artifact_prefix={into}.", into,
        str(target.folder),
    ]  # fmt: skip
    corpus = seeds(target.folder)

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        changed: bytes = target.mutate(data, Random(seed), corpus)
        return changed[:longest]

    atheris.Setup(arguments, target.check, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
