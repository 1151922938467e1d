"""What sidecars and the witness write down, kept although the kubelet throws old files away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cluster.chaos.invariants import leads_to
from cluster.chaos.reads import Read, Said
from cluster.chaos.steps import Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cluster.harness import Cluster

SIDECAR = "netvsc-fdpipe"


class Records:
    """The logs of one namespace's pods, in the runtime's own files; `uids` say which pods."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._folder = cluster.layout.logs / "pods"
        self._namespace = namespace
        self._kept: dict[Path, str] = {}
        self.uids: dict[Role, str] = {}

    def collect(self) -> None:
        """Before a container is started anew: of those that ended the kubelet keeps one."""
        for file in self._folder.glob(f"{self._namespace}_*/*/*.log"):
            self._kept[file] = file.read_text(errors="replace")

    def sidecar(self, pod: Role) -> list[Said]:
        lines = (line.split(" ", 3) for line in self._lines(pod, SIDECAR))
        said = [
            Said(at=_nanoseconds(words[0]), event=words[2], detail=" ".join(words[3:]))
            for words in lines
            if len(words) > 2 and words[0].replace(".", "").isdigit()
        ]
        return sorted(said, key=lambda one: one.at)

    def stale(self) -> list[Read]:
        """Every line that the witness read and could not follow."""
        found, last = list[Read](), 0
        for line in self._lines(Role.WITNESS, Role.WITNESS):
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "read":
                last = event["at"]
            elif event.get("event") == "poisoned":
                found.append(Read(at=last, vf=leads_to(event["line"]) or ""))
        return found

    def poisoned(self) -> str | None:
        """The netdev that the witness waits for, if that is what it does."""
        found = None
        for line in self._lines(Role.WITNESS, Role.WITNESS):
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "poisoned":
                found = leads_to(event["line"])
            elif event.get("event") in ("plugged", "started"):
                found = None
        return found

    def _lines(self, pod: Role, container: str) -> Iterator[str]:
        """In the order of the files' numbers: of a container's lives."""
        mine = f"{self._namespace}_{pod}_{self.uids.get(pod)}"
        files = [
            file
            for file in self._kept
            if (file.parent.name, file.parent.parent.name) == (container, mine)
        ]
        for file in sorted(files, key=lambda file: int(file.stem)):
            for line in self._kept[file].splitlines():
                yield line.split(" ", 3)[-1]


def _nanoseconds(seconds: str) -> int:
    whole, _, rest = seconds.partition(".")
    return int(whole) * 10**9 + int(rest.ljust(9, "0")[:9] or 0)
