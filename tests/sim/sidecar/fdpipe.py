"""Runs fdpipe as a pod would: its verbs in a pod's network namespace, its log, its socket."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import queue
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sim.kernel.host import Host, SimVf
from sim.kernel.netns import within
from sim.kernel.systree import PciFacts

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "fdpipe"
SOCKET = "\0netvsc.io/fdpipe"
MAC = "00:0d:3a:c0:00:11"
PCI = "9b33:00:02.0"
PATIENCE = 10.0  # seconds until something that should have happened counts as not happening


@functools.cache
def binary(name: str = "fdpipe-sim") -> Path:
    """Return the program `fdpipe/build/<name>`, made up to date."""
    target = SOURCES / "build" / name
    with (SOURCES / "Makefile").open() as lock:  # two test runs at once build one after the other
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(
            ["make", "-s", "-C", str(SOURCES), f"build/{name}"],
            capture_output=True,
            text=True,
            check=False,
        )
    if made.returncode:
        raise RuntimeError(f"make -C fdpipe build/{name} failed:\n{made.stdout}{made.stderr}")
    return target


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the sidecar's: `<seconds> <pair> <event> <detail>`."""

    at: int  # nanoseconds of CLOCK_MONOTONIC
    pair: str
    event: str
    detail: str

    @classmethod
    def parse(cls, text: str) -> Self:
        stamp, pair, event, *detail = text.rstrip("\n").split(" ", 3)
        seconds, nanos = stamp.split(".")
        return cls(int(seconds) * 10**9 + int(nanos), pair, event, "".join(detail))


class Followed:
    """A process whose lines are kept as they come, and can be waited for."""

    def __init__(self, command: list[str], *, netns: str, stream: str, **more: Any) -> None:
        pipes: dict[str, Any] = {stream: subprocess.PIPE, "text": True, "errors": "replace"}
        self.process: subprocess.Popen[str] = subprocess.Popen(
            ["ip", "netns", "exec", netns, *command], **pipes, **more
        )
        self.lines: list[str] = []
        self._news: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._follow, args=(stream,), daemon=True)
        self._thread.start()

    def _follow(self, stream: str) -> None:
        for line in getattr(self.process, stream):
            self._news.put(line)
        self._news.put(None)

    def wait_for(self, wanted: Callable[[str], bool], *, since: int = 0) -> str:
        """Return the first line that is wanted, from the line number `since` on."""
        deadline = time.monotonic() + PATIENCE
        at = since
        while True:
            while at < len(self.lines):
                if wanted(self.lines[at]):
                    return self.lines[at]
                at += 1
            try:
                line = self._news.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"did not come in {PATIENCE} s; there was:\n{self.text()}")
            self.lines.append(line)

    def catch_up(self) -> list[str]:
        """Take in what has come, without waiting."""
        while not self._news.empty():
            if (line := self._news.get()) is not None:
                self.lines.append(line)
        return self.lines

    def text(self) -> str:
        return "".join(self.catch_up())

    def kill(self, number: int = signal.SIGKILL) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        return self.join()

    def join(self) -> int:
        code = self.process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        return code


class Sidecar(Followed):
    """`fdpipe announce`, ready; started by the command `within`, if one is given."""

    def __init__(
        self,
        pod: Pod,
        *options: str,
        program: str,
        within: Iterable[str] = (),
        wait: bool = True,
    ) -> None:
        command = [*within, str(binary(program)), "announce", "--dir", str(pod.dir)]
        command += [] if program == "fdpipe" else ["--sim"]
        command += ["--sysfs", str(pod.host.sysfs), *options]
        super().__init__(command, netns=pod.host.netns, stream="stderr")
        if wait:
            self.wait_log("ready", pair="--")

    def wait_log(
        self, event: str, *, pair: str = "00", since: int = 0, detail: str = ""
    ) -> LogLine:
        def wanted(line: str) -> bool:
            return f" {pair} {event}" in line and detail in line

        return LogLine.parse(self.wait_for(wanted, since=since))

    def log(self) -> list[LogLine]:
        return [LogLine.parse(line) for line in self.catch_up() if line[:1].isdigit()]


class Application(Followed):
    """The stand-in of sim.sidecar.application, launched by `fdpipe exec`."""

    def __init__(self, pod: Pod, *options: str, program: str, launcher: Iterable[str] = ()) -> None:
        pipe = pod.dir / "00"
        command = [str(binary(program)), "exec", "--fd", f"200={pipe}", "--guard", "off", *launcher]
        command += ["--", sys.executable, "-m", "sim.sidecar.application", *options]
        paths = [str(ROOT), str(ROOT / "tests"), str(ROOT / "deviceplugin")]
        environment = os.environ | {"PYTHONPATH": ":".join(paths)}
        super().__init__(command, netns=pod.host.netns, stream="stdout", env=environment)

    def wait_event(self, event: str, *, since: int = 0, line: str = "") -> dict[str, Any]:
        def wanted(text: str) -> bool:
            found = json.loads(text)
            return found["event"] == event and line in found.get("line", "")

        found: dict[str, Any] = json.loads(self.wait_for(wanted, since=since))
        return found

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.catch_up()]


class Pod:
    """A pod's network namespace with one pair, and its shared volume.

    with Pod() as pod:
        sidecar = pod.sidecar("--gate", "immediate")
        pod.host.give("netvsc0")

    With a `host` of somebody else's it is a pod on the host's network, and brings no pair.
    """

    def __init__(
        self,
        *,
        program: str = "fdpipe-sim",
        driver: str = "hv_pci_stand_in",
        host: Host | None = None,
    ) -> None:
        self.program = program
        self.host = host or Host()
        self._own = host is None
        self._driver = driver
        self._running: list[Followed] = []
        self._folder = Path(tempfile.mkdtemp(prefix="netvsc-pod-"))
        self.dir = self._folder / "netvsc"
        if self._own:
            self.host.add_netvsc("netvsc0", mac=MAC, guid="guid-1")
            self.host.nics["netvsc0"].vf = self.vf()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for one in self._running:
            if one.process.returncode is None:
                one.kill()
        if self._own:
            self.host.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def vf(self) -> SimVf:
        """Return the VF that `host.give` brings."""
        return SimVf(name="eth1", facts=PciFacts(address=PCI, driver=self._driver))

    @property
    def pipe(self) -> Path:
        return self.dir / "00"

    def sidecar(
        self, *options: str, pairs: Iterable[str] = ("00=netvsc0",), **more: Any
    ) -> Sidecar:
        named = [word for pair in pairs for word in ("--pair", pair)]
        one = Sidecar(self, *named, *options, program=self.program, **more)
        self._running.append(one)
        return one

    def application(self, *options: str, **more: Any) -> Application:
        one = Application(self, *options, program=self.program, **more)
        self._running.append(one)
        return one

    def run(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run one verb to its end, in the pod's network namespace."""
        command = ["ip", "netns", "exec", self.host.netns, str(binary(self.program)), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE, **more
        )

    def connect(self) -> socket.socket:
        """Connect to the sidecar's socket, as somebody in the pod does."""

        def dial() -> socket.socket:
            with ExitStack() as stack:
                client = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                # Not settimeout: that makes a connect fail at once where the backlog is full.
                patience = struct.pack("ll", int(PATIENCE), 0)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
                client.connect(SOCKET)
                client.settimeout(PATIENCE)
                stack.pop_all()
            return client

        return within(self.host.netns, dial)

    def ask(self, request: str) -> str:
        with self.connect() as client:
            client.sendall(f"{request}\n".encode())
            return b"".join(iter(lambda: client.recv(65536), b"")).decode()

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask("status").splitlines()[0])
        return found


class Reader:
    """The reading end of a pipe, as an application holds it."""

    def __init__(self, pipe: Path) -> None:
        self.fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.close(self.fd)

    def wait(self) -> bytes:
        """Wait until there is something to read, and take it."""
        waiting = select.poll()
        waiting.register(self.fd, select.POLLIN)
        if not waiting.poll(PATIENCE * 1000):
            raise AssertionError(f"nothing to read within {PATIENCE} s")
        return self.read()

    def read(self) -> bytes:
        """Take what is in the pipe, as one poll of a fail-safe does."""
        try:
            return os.read(self.fd, 4096)
        except BlockingIOError:
            return b""
