"""Whether a process has grown. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.chaos.seen import Broken, Invariant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What a process may have more than after its first quiet: connections that come and go, pools of
# threads that fill, a heap that has seen its busiest moment.
_FDS, _THREADS, _RSS_KIB = 12, 6, 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One process of ours in one quiet; `started` tells it from another with its number."""

    who: str
    pid: int
    started: int
    rss_kib: int
    fds: int
    threads: int


def judge_growth(history: Sequence[Usage]) -> Iterator[Broken]:
    """Compare each with its own first quiet, and with that of the first of its kind."""
    first = dict[object, Usage]()
    for now in history:
        for key in (now.who, (now.who, now.pid, now.started)):
            yield from _grown(first.setdefault(key, now), now)


def _grown(first: Usage, now: Usage) -> Iterator[Broken]:
    limits = {
        "fds": first.fds + _FDS,
        "threads": first.threads + _THREADS,
        "rss_kib": first.rss_kib + _RSS_KIB,
    }
    for key, limit in limits.items():
        if (value := getattr(now, key)) > limit:
            was = getattr(first, key)
            what = f"{now.who} (process {now.pid}): {key} {value}, at first {was}"
            yield Broken(invariant=Invariant.LEAK, what=what)
