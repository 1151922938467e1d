"""The node: one process 1 in its own namespaces, and the components inside it."""

from __future__ import annotations

import os
import signal
import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING

from cluster.harness import addresses, namespaces, processes
from cluster.harness.components import table
from cluster.harness.errors import ClusterError
from cluster.harness.health import healthy
from cluster.harness.wait import until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cluster.harness.components import Component
    from cluster.harness.layout import Layout


class Node:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._components = table(layout)

    @property
    def pid(self) -> int:
        """The machine's number for the node's process 1."""
        for process in self._inits():
            if process.inner_pid == 1:
                return process.pid
        raise ClusterError(f"the cluster {self._layout.name} is not up")

    @property
    def is_up(self) -> bool:
        return any(process.inner_pid == 1 for process in self._inits())

    def lay_out(self) -> None:
        """Make the namespaces and return when everything is mounted."""
        log = self._layout.logs / "init.log"
        ready, told = os.pipe()
        with os.fdopen(ready, "rb", buffering=0) as answer:
            arguments = (str(self._layout.run), str(self._layout.opt), str(told))
            argv = namespaces.made(namespaces.python("init", *arguments))
            namespaces.detach(argv, log=log, keep=[told])
            os.close(told)
            if not answer.read(1):  # closed unanswered
                raise ClusterError(f"the node's namespaces could not be made: {log.read_text()}")

    def demolish(self) -> None:
        """The kernel ends every process of a pid namespace with its process 1."""
        for process in sorted(self._inits(), key=lambda found: found.inner_pid):
            processes.end(process.pid, how=signal.SIGKILL)

    def run(
        self, argv: Sequence[str], *, stdin: bytes | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        """A command inside the node, to its end."""
        done = subprocess.run(
            namespaces.entered(self.pid, argv),
            check=False,
            capture_output=True,
            input=stdin,
            env=namespaces.environment(),
        )
        if check and done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise ClusterError(f"{' '.join(argv)} in the node: exit code {done.returncode}: {said}")
        return done

    def write(self, path: str, text: str, *, mode: int = 0o644) -> None:
        """A file as the node sees it, complete from its first moment."""
        fresh = f"{path}.new"
        script = 'cat > "$1" && chmod "$2" "$1" && mv "$1" "$3"'
        self.run(["sh", "-ec", script, "sh", fresh, f"{mode:o}", path], stdin=text.encode())

    def read(self, path: str) -> str:
        return self.run(["cat", path]).stdout.decode()

    def start(self, name: str) -> None:
        """Start a component and return when it works."""
        component = self._component(name)
        log = self._layout.logs / f"{name}.log"
        namespaces.detach(namespaces.entered(self.pid, component.argv), log=log)
        try:
            until(lambda: self._works(component), what=f"{name} to work", seconds=90)
        except ClusterError as error:
            raise ClusterError(f"{error}; its last words:\n{_tail(log, lines=20)}") from None

    def stop(self, name: str, *, how: signal.Signals = signal.SIGTERM) -> None:
        for pid in self.pids(name):
            # An apiserver waits a minute for watches that nobody means to end.
            processes.end(pid, how=how, grace=3)

    def restart(self, name: str, *, how: signal.Signals = signal.SIGTERM) -> None:
        self.stop(name, how=how)
        self.start(name)

    def pids(self, name: str) -> list[int]:
        """The machine's numbers for a component's processes; normally one or none."""
        program = str(self._component(name).program)
        inside = processes.namespace(self.pid)
        return [
            process.pid
            for process in processes.every()
            if process.argv[:1] == (program,) and processes.namespace(process.pid) == inside
        ]

    def log(self, name: str, *, lines: int = 40) -> str:
        return _tail(self._layout.logs / f"{name}.log", lines=lines)

    def _component(self, name: str) -> Component:
        if name not in self._components:
            known = ", ".join(self._components)
            raise ClusterError(f"no component is called {name!r}; there are {known}")
        return self._components[name]

    def _works(self, component: Component) -> bool:
        if component.health:
            return healthy(self.pid, component.health)
        ctr = [str(self._layout.tools / "ctr"), "--address", addresses.CONTAINERD, "version"]
        return self.run(ctr, check=False).returncode == 0

    def _inits(self) -> list[processes.Process]:
        """The node's process 1 and the unshare(1) that waits for it."""
        wanted = ("cluster.harness.init", str(self._layout.run))
        return [found for found in processes.every() if _has(found.argv, wanted)]


def _has(argv: tuple[str, ...], wanted: tuple[str, str]) -> bool:
    return wanted in pairwise(argv)


def _tail(path: Path, *, lines: int) -> str:
    if not path.exists():
        return "(nothing was logged)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
