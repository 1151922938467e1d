"""One storm: every lane's steps in their order, the lanes side by side."""

from __future__ import annotations

import threading
import time
from itertools import groupby
from typing import TYPE_CHECKING

from cluster.chaos.steps import lane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cluster.chaos.steps import Round, Step


class StepError(Exception):
    """A step could not be carried out: the tools are broken, or the cluster is."""


def play(storm: Round, do: Callable[[Step], None]) -> None:
    """Return when the last step is over; raises StepError for the first that failed."""
    began = time.monotonic()
    failures: list[tuple[Step, Exception]] = []

    def run(steps: Iterable[Step]) -> None:
        for step in steps:
            time.sleep(max(0.0, began + step.at - time.monotonic()))  # the schedule's own time
            try:
                do(step)
            except Exception as error:  # noqa: BLE001 (it is raised where the lanes meet)
                failures.append((step, error))
                return

    threads = [threading.Thread(target=run, args=(steps,)) for steps in _lanes(storm)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        step, error = failures[0]
        raise StepError(f"{step}: {error}") from error


def _lanes(storm: Round) -> list[list[Step]]:
    ordered = sorted(storm.steps, key=lambda step: (lane(step), step.at))
    return [[*steps] for _, steps in groupby(ordered, key=lane)]
