"""python -m mutants [AREA or module …]: plant faults, run tests, print what survived."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from mutants.areas import AREAS
from mutants.children import answer_of
from mutants.run import Fate, Result, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mutants.areas import Area

_COLUMNS = (Fate.KILLED, Fate.TIMEOUT, Fate.SURVIVED, Fate.UNREACHED, Fate.LEFT)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    names = [area.name for area in AREAS]
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(names)}")
    parser.add_argument("--seconds", type=float, default=300, help="for each area")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at once")
    options = parser.parse_args()
    if unknown := set(options.areas) - set(names):
        parser.error(f"no area {', '.join(unknown)}: known are {', '.join(names)}")
    for area in AREAS:
        if not options.areas or area.name in options.areas:
            _area(area, jobs=options.jobs, seconds=options.seconds)
    return 0


def _area(area: Area, *, jobs: int, seconds: float) -> None:
    results, baseline = answer_of(partial(run, area, jobs=jobs, seconds=seconds))
    for test in baseline.failed:
        print(f"{test} fails without a mutant, and is left out")
    print(f"\n{area.name}: {len(results)} mutants, {len(baseline.seconds)} tests", end="")
    print(f" of {sum(baseline.seconds.values()):.0f} s")
    print(f"{'module':40}" + "".join(f"{fate:>10}" for fate in _COLUMNS))
    for module in area.modules():
        counts = Counter(one.fate for one in results if one.module == module)
        print(f"{module:40}" + "".join(f"{counts[fate]:>10}" for fate in _COLUMNS))
    _listed([one for one in results if one.fate is Fate.SURVIVED])
    silent = Counter((one.module, one.function) for one in results if one.fate is Fate.UNREACHED)
    for (module, function), count in sorted(silent.items()):
        print(f"no test runs {module} {function}: {count} mutants")


def _listed(survived: Sequence[Result]) -> None:
    for one in sorted(survived, key=lambda one: (one.module, one.line)):
        print(f"survived {one.module}:{one.line} {one.function}: {one.what}")


if __name__ == "__main__":
    raise SystemExit(main())
