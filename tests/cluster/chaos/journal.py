"""What was done and seen, with times: printed as it happens, shown whole if something broke."""

from __future__ import annotations

import time
from collections import Counter


class Journal:
    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lines: list[str] = []
        self.done: Counter[str] = Counter()

    def note(self, text: str) -> None:
        line = f"{time.monotonic() - self._began:8.2f} {text}"
        self._lines.append(line)
        print(line, flush=True)

    def did(self, kind: str, text: str) -> None:
        self.done[kind] += 1
        self.note(text)

    def text(self) -> str:
        return "\n".join(self._lines)
