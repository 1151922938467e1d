"""`make bench`: runs every bench_*.py, prints distributions beside budgets and peers, writes JSON.

A missed budget is printed and fails nothing: it belongs into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.budgets import BUDGETS, PEERS, Budget
from sim.kernel import namespaces

HERE = Path(__file__).parent
OUT = HERE / "out"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--rounds", type=int, default=100, help="samples (default: %(default)s)")
    parser.add_argument("names", nargs="*", help="agent, pipe, … (default: all)")
    options = parser.parse_args()
    if not namespaces.inside():
        namespaces.enter([sys.executable, "-m", "bench", *sys.argv[1:]])
    known = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
    if not namespaces.is_real_root():
        print("not root: dpdk and controller are not measured")
        known = [name for name in known if name not in {"dpdk", "controller"}]
    found: dict[str, list[float]] = {}
    for name in options.names or known:
        print(f"measuring {name} ...", flush=True)
        found |= importlib.import_module(f"bench.bench_{name}").measure(options.rounds)
    print(table(found))
    write(found)
    return 0


def summary(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples)
    return {
        "n": len(ordered),
        "p50": statistics.median(ordered),
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        "worst": ordered[-1],
    }


def table(found: Mapping[str, list[float]]) -> str:
    rows = [("what", "n", "p50", "p99", "worst", "budget", "ratio to the peer")]
    for name, samples in found.items():
        told = summary(samples)
        values = [shown(name, told[key]) for key in ("p50", "p99", "worst")]
        budget = BUDGETS.get(name)
        verdict = f"{bounds(name, budget)} {judged(told, budget)}" if budget else "-"
        rows.append((name, str(int(told["n"])), *values, verdict, ratio(name, found)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def is_time(name: str) -> bool:
    return not any(unit in name for unit in ("(MiB)", "per second", "share of"))


def shown(name: str, value: float) -> str:
    return f"{value * 1000:.2f} ms" if is_time(name) else f"{value:.3g}"


def bounds(name: str, budget: Budget) -> str:
    limits = {"p50": budget.p50, "p99": budget.p99, "max": budget.worst}
    return ", ".join(f"{k} {shown(name, v)}" for k, v in limits.items() if v is not None)


def judged(told: Mapping[str, float], budget: Budget) -> str:
    limits = {"p50": budget.p50, "p99": budget.p99, "worst": budget.worst}
    kept = all(told[key] <= limit for key, limit in limits.items() if limit is not None)
    return "(kept)" if kept else "(MISSED)"


def ratio(name: str, found: Mapping[str, list[float]]) -> str:
    peer = found.get(PEERS.get(name, ""))
    if not peer:
        return "-"
    return f"{statistics.median(found[name]) / statistics.median(peer):.3g} of {PEERS[name]}"


def write(found: Mapping[str, list[float]]) -> None:
    OUT.mkdir(exist_ok=True)
    machine = {"kernel": platform.release(), "cpus": os.cpu_count(), "python": sys.version}
    result = {"machine": machine, "summary": {k: summary(v) for k, v in found.items()}}
    (OUT / "bench.json").write_text(json.dumps(result | {"samples": dict(found)}, indent=1))
    print(f"\nwritten: {(OUT / 'bench.json').relative_to(HERE.parent)}")


if __name__ == "__main__":
    sys.exit(main())
