"""What was survived in this run, for docs/compatibility.md (see dpdk.compatibility)."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One row: `survived` of `removals` with this remedy on that DPDK."""

    line: str  # "22.11", or what a source tree calls itself
    remedy: str  # one of dpdk.compatibility.REMEDIES
    case: str  # what was done to it, in a few words
    survived: int
    removals: int
    traffic: bool | None = None  # came back on both paths; None: not looked at
    ports_stable: bool | None = None
    date: str = ""
    commit: str = ""  # of this repository; "+": and what was not committed then


def commit() -> str:
    """The state of this repository, as far as the guard and its tests go."""
    folder = Path(__file__).parents[2]
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=9", "--dirty=+"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


class Table:
    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []

    def add(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)

    def save(self, path: Path) -> None:
        """Keep what other runs found, unless this one looked at the same."""
        found = {} if not path.exists() else {key(v): v for v in json.loads(path.read_text())}
        today, state = datetime.now(tz=UTC).date().isoformat(), commit()
        for verdict in self.verdicts:
            stamped = asdict(replace(verdict, date=today, commit=state))
            found[key(stamped)] = stamped
        path.write_text(json.dumps([found[k] for k in sorted(found)], indent=1) + "\n")


def key(verdict: dict[str, object]) -> tuple[str, str, str]:
    return str(verdict["line"]), str(verdict["remedy"]), str(verdict["case"])
