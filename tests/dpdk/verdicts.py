"""What was survived in this run, for docs/compatibility.md (see dpdk.compatibility)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One cell: `survived` of `removals` with this remedy on that DPDK."""

    line: str  # "22.11" or "24.11"
    remedy: str  # a column: plain, guard, gate, port0, patch, exec
    case: str  # what was done to it, in a few words
    survived: int
    removals: int
    traffic: bool | None = None  # None: not looked at
    ports_stable: bool | None = None


class Table:
    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []

    def add(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)

    def save(self, path: Path) -> None:
        """Keep what other runs found, unless this one looked at the same."""
        found = {} if not path.exists() else {key(v): v for v in json.loads(path.read_text())}
        for verdict in map(asdict, self.verdicts):
            found[key(verdict)] = verdict
        path.write_text(json.dumps([found[k] for k in sorted(found)], indent=1) + "\n")


def key(verdict: dict[str, object]) -> tuple[str, str, str]:
    return str(verdict["line"]), str(verdict["remedy"]), str(verdict["case"])
