"""Fuzz by hand: `python -m fuzz [TARGET...] [--runs N] [--seed S] [--guided SECONDS]`.

Without --guided it is what the tests do, with other counts. With it, coverage leads: Python targets
by atheris, where that is installed, C targets by clang's libFuzzer. New inputs go to build/fuzz.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from fuzz import guided, program
from fuzz.engine import Finding, run
from fuzz.targets import TARGETS

FOUND = Path(__file__).parents[2] / "build" / "fuzz"


def _keep(name: str, data: bytes) -> Path:
    FOUND.mkdir(parents=True, exist_ok=True)
    file = FOUND / f"{name}.finding"
    file.write_bytes(data)
    return file


def _python(name: str, *, runs: int, seed: int) -> bool:
    began = time.monotonic()
    try:
        count = run(TARGETS[name], runs=runs, seed=seed)
    except Finding as finding:
        print(f"{finding}\nkept as {_keep(name, finding.data)}")
        return False
    print(f"{name}: {count} inputs in {time.monotonic() - began:.1f} s, seed {seed}")
    return True


def _c(name: str, *, runs: int, seed: int) -> bool:
    result = program.replay(name, runs=runs, seed=seed)
    print(result.stderr.strip())
    return result.returncode == 0


def _guided(name: str, seconds: int) -> bool:
    if name in program.TARGETS:
        return program.guided(name, seconds=seconds, into=FOUND / name) == 0
    return guided.run(name, seconds=seconds, into=FOUND / name)


def main() -> int:
    known = (*TARGETS, *program.TARGETS)
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(known))
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guided", type=int, metavar="SECONDS", help="for each target")
    given = parser.parse_args()
    good = True
    for name in given.targets or known:
        if name not in known:
            parser.error(f"{name!r} is no target; known are {', '.join(known)}")
        if given.guided:
            good &= _guided(name, given.guided)
        else:
            way = _c if name in program.TARGETS else _python
            good &= way(name, runs=given.runs, seed=given.seed)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
