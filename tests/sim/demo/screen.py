"""What the demo shows: colour and marks on a terminal, plain text in a pipe."""

from __future__ import annotations

import os
import sys
import time

_COLOURS = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Screen:
    """Prints a story with the seconds since it began."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._began = time.monotonic_ns()

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if self._colour else text

    def title(self, text: str) -> None:
        self._print(f"\n{self.paint(text, 'bold')}")

    def block(self, text: str) -> None:
        """Print a table or an answer, indented."""
        for line in text.splitlines():
            self._print(f"  {line}")

    def event(self, at: int, who: str, what: str, *, took: str = "", colour: str = "cyan") -> None:
        """Print one event of the timeline; `at` is nanoseconds of CLOCK_MONOTONIC."""
        stamp = self.paint(f"{(at - self._began) / 1e9:8.3f} s", "dim")
        measured = f"  {self.paint(took, 'yellow')}" if took else ""
        self._print(f"  {stamp}  {self.paint(who.ljust(12), colour)} {what}{measured}")

    def verdict(self, *, good: bool, text: str) -> None:
        mark = self.paint("PASSED", "green") if good else self.paint("FAILED", "red")
        self._print(f"\n{mark}  {text}")

    @staticmethod
    def _print(text: str) -> None:
        print(text, flush=True)
