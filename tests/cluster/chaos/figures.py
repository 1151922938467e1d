"""A run in a few lines, for docs/benchmarks.md."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.chaos.play import Run


def told(run: Run) -> str:
    figures = run.figures
    lines = [f"  {kind}: {times}" for kind, times in sorted(run.journal.done.items())]
    lines.append(f"  steps: {sum(run.journal.done.values())}, looks between: {figures.looks}")
    lines.append(f"  VFs revoked by the host: {sum(run.host.revoked.values())}")
    lines.append(f"  quiets: {len(figures.quiets)}, true after {_times(figures.quiets)}")
    stale = {why.name: times for why, times in figures.stale.items()}
    lines.append(f"  stale reads within the windows: {stale}, cured: {figures.healed}")
    by_process = sorted(figures.usage, key=lambda one: (one.who, one.started))
    for (who, pid), several in groupby(by_process, key=lambda one: (one.who, one.pid)):
        looks = [*several]
        first, last = looks[0], looks[-1]
        lines.append(
            f"  {who} {pid}: RSS {first.rss_kib} → {last.rss_kib} KiB, "
            f"fds {first.fds} → {last.fds}, threads {first.threads} → {last.threads}"
        )
    return "\n".join(["chaos:", *lines])


def _times(quiets: list[float]) -> str:
    ordered = sorted(quiets)
    return f"{ordered[len(ordered) // 2]:.2f} s (median), {ordered[-1]:.2f} s (worst)"
