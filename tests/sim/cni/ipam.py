"""An IPAM plugin that gives what it is told to, and a pod whose pairs get addresses from it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.cni.calls import CniHost, Pod, id_of
from sim.cni.server import CniServer, Said, shim

V4 = {"address": "10.8.0.5/24", "gateway": "10.8.0.1"}
V6 = {"address": "fd00:8::5/64", "gateway": "fd00:8::1"}

_PROGRAM = """#!/bin/sh
here=$(dirname "$0")
env | grep ^CNI_ | sort > "$here/$CNI_COMMAND.env"
cat > "$here/$CNI_COMMAND.in"
echo "$CNI_COMMAND" >> "$here/calls"
cat "$here/answer.$CNI_COMMAND" 2>/dev/null
[ ! -e "$here/refuse.$CNI_COMMAND" ]
"""


class IpamPlugin:
    """The plugin `ours` in a folder; `calls` are the verbs that it was called with, in order."""

    def __init__(self, folder: Path, state: Path) -> None:
        self._folder = folder
        self._state = state
        program = folder / "ours"
        program.write_text(_PROGRAM)
        program.chmod(0o755)

    def gives(self, *ips: dict[str, Any], routes: Any = ()) -> None:
        """Let its ADD give these."""
        self.says("ADD", {"cniVersion": "1.1.0", "ips": list(ips), "routes": list(routes)})

    def says(self, verb: str, answer: Any) -> None:
        (self._folder / f"answer.{verb}").write_text(json.dumps(answer))

    def refuses(self, verb: str, code: int, message: str) -> None:
        self.says(verb, {"cniVersion": "1.1.0", "code": code, "msg": message})
        (self._folder / f"refuse.{verb}").touch()

    def agrees(self, verb: str) -> None:
        """Refuse it no longer."""
        for kind in ("answer", "refuse"):
            (self._folder / f"{kind}.{verb}").unlink()

    @property
    def calls(self) -> list[str]:
        file = self._folder / "calls"
        return file.read_text().split() if file.exists() else []

    def environment(self, verb: str) -> dict[str, str]:
        lines = (self._folder / f"{verb}.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def stdin(self, verb: str) -> Any:
        return json.loads((self._folder / f"{verb}.in").read_text())

    def call(
        self, verb: str, pod: Pod | None = None, *, number: int = 1, name: str = "net1", **more: Any
    ) -> Said:
        """Call the plugin for a pair as Multus does, with an `ipam` section that names this one."""
        given: dict[str, Any] = {"cniVersion": "1.1.0", "name": "m", "type": "netvsc-cni"}
        given |= {"state": str(self._state), "deviceID": id_of(number), "ipam": {"type": "ours"}}
        return shim(verb, given | more, pod, CNI_IFNAME=name, CNI_PATH=str(self._folder))


@dataclass(frozen=True)
class Node:
    cni: CniHost
    plugin: IpamPlugin
    pod: Pod

    def add(self, *ips: dict[str, Any], routes: Any = (), **more: Any) -> Said:
        self.plugin.gives(*ips, routes=routes)
        return self.plugin.call("ADD", self.pod, **more)

    def shown(self, family: int, *what: str) -> list[dict[str, Any]]:
        done = subprocess.run(
            ["ip", f"-{family}", "-n", self.pod.netns, "-j", "route", "show", *what],
            check=True,
            capture_output=True,
            text=True,
        )
        return [one for one in json.loads(done.stdout) if not one["dst"].startswith("fe80")]

    def ways(self, family: int, *what: str) -> dict[str, tuple[str, str | None]]:
        """Return interface and gateway of the pod's routes, by destination."""
        return {one["dst"]: (one["dev"], one.get("gateway")) for one in self.shown(family, *what)}

    def has_defaults(self) -> None:
        """Let the pod have default routes of its own, over its eth0."""
        for words in (
            ("link", "set", "eth0", "up"),
            ("address", "add", "10.1.0.7/24", "dev", "eth0"),
            ("-6", "address", "add", "fd00:1::7/64", "dev", "eth0", "nodad"),
            ("route", "add", "default", "via", "10.1.0.1", "dev", "eth0"),
            ("-6", "route", "add", "default", "via", "fd00:1::1", "dev", "eth0"),
        ):
            subprocess.run(["ip", "-n", self.pod.netns, *words], check=True)


@contextmanager
def node(tmp_path: Path, *, pairs: int = 1) -> Iterator[Node]:
    with CniHost(pairs) as cni, CniServer(cni) as server:
        server.give(*range(1, pairs + 1))
        yield Node(cni, IpamPlugin(tmp_path, cni.state), cni.pod())
