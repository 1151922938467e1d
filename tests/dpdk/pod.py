"""A pod with accelerated NICs and a real DPDK application: netdevs, sidecar, launcher, testpmd.

    with Pod() as pod:
        pod.announce()
        with pod.testpmd() as pmd:
            pmd.ready().forward()
            pod.give(0)

Each pair is a NetVSC `netvsc<n>` and a VF `vf<n>`; what goes over them is seen on their wires.
"""

from __future__ import annotations

import itertools
import json
import select
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from dpdk import lines, machine
from dpdk.lines import Line
from dpdk.testpmd import Testpmd
from sim.kernel import netns
from sim.kernel.host import SimVf
from sim.kernel.systree import PciFacts
from sim.sidecar import fdpipe

TEMPLATE = "net_fakevf_{pcihex},iface={interface}"
POLL_MS = 100
FRAME = bytes.fromhex("02aabbccddee02010203040588b5")  # local addresses, local experiment
PACKET_OUTGOING = 4
_payloads = itertools.count(1)


def pci_of(number: int, *, moved: int = 0) -> str:
    """The PCI address of VF `number`; `moved` counts the times it came back elsewhere."""
    return f"{0x9B30 + number:04x}:00:{2 + moved % 8:02x}.0"


def name_of(number: int, *, moved: int = 0) -> str:
    return f"vf{number}" if moved % 8 == 0 else f"vf{number}at{2 + moved % 8}"


def mac_of(number: int) -> str:
    return f"00:0d:3a:c0:00:{0x11 + number:02x}"


def af_packet(number: int) -> str:
    """The fallback that needs no kernel module: the NetVSC's netdev by AF_PACKET."""
    return f"net_af_packet_vsc{number:02d},iface=netvsc{number}"


def tap(number: int) -> str:
    """The fallback that says when the port starts; without `remote=`, which needs flower."""
    return f"net_tap_vsc{number:02d},iface=dtap{number}"


def failsafe(number: int, fallback: str, *, source: str | None = None, poll: int = POLL_MS) -> str:
    first = source or f"fd({200 + number})"
    return f"net_failsafe_vsc{number:02d},{first},dev({fallback}),hotplug_poll={poll}"


class Pod(fdpipe.Pod):
    """A pod's network namespace with its pairs, and the volume it shares with its sidecar."""

    def __init__(self, pairs: int = 1, *, line: Line | None = None) -> None:
        super().__init__()
        self.pairs = pairs
        self.line = line or lines.named("22.11")  # whose testpmd it runs
        for number in range(pairs):
            name = f"netvsc{number}"
            if number:
                self.host.add_netvsc(name, mac=mac_of(number), guid=f"guid-{number + 1}")
            facts = PciFacts(address=pci_of(number), driver="hv_pci_stand_in")
            self.host.nics[name].vf = SimVf(name=f"vf{number}", facts=facts)

    # ---- the VF ----

    def give(self, number: int = 0, *, moved: int = 0) -> str:
        """The VF comes, `moved` to another PCI address and so with another name; returns its line.

        The name stands for the address: the stand-in's probe fails if it is not this one.
        """
        pci, name = pci_of(number, moved=moved), name_of(number, moved=moved)
        self.host.give(f"netvsc{number}", pci=pci, name=name)
        return f"net_fakevf_{pci.replace(':', '').replace('.', '')},iface={name}"

    def revoke(self, number: int = 0) -> None:
        self.host.revoke(f"netvsc{number}")

    def vanish(self, number: int = 0) -> None:
        self.host.vanish(f"netvsc{number}")

    # ---- the programs ----

    def announce(self, *options: str, fallback: Callable[[int], str] = af_packet) -> fdpipe.Sidecar:
        """Run the sidecar for all pairs, and wait until it is ready."""
        tap_of = ",tap=dtap{0}" if fallback is tap else ""
        text = "{0:02d}=netvsc{0}" + tap_of + ",template="
        pairs = [text.format(number) + TEMPLATE for number in range(self.pairs)]
        return self.sidecar("--guard-file", str(machine.guard()), *options, pairs=pairs)

    def states(self) -> list[dict[str, Any]]:
        """What the sidecar says of each pair."""
        said = subprocess.run(
            self.enter(str(self.dir / "bin" / "fdpipe"), "status"),
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        return [json.loads(line) for line in said.splitlines()]

    def enter(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.host.netns, *command]

    def inside(self, *command: str) -> list[str]:
        """The same where the application's DPDK is."""
        return self.enter(*self.line.entered(), *command)

    def launcher(self, *options: str, guard: str = "auto") -> list[str]:
        """`fdpipe exec` as a pod's command runs it: from the shared volume, with its guard."""
        fds = [f"--fd={200 + n}={self.dir}/{n:02d}" for n in range(self.pairs)]
        program = self.dir / "bin" / "fdpipe"
        return self.inside(str(program), "exec", *fds, "--guard", guard, *options, "--")

    def testpmd(
        self,
        *,
        guard: str = "auto",
        fallback: Callable[[int], str] = af_packet,
        vdevs: Sequence[str] = (),
        within: Sequence[str] = (),
        **more: Any,
    ) -> Testpmd:
        """Run testpmd over one fail-safe port per pair; `vdevs` come before them.

        `within`: a command that runs the launcher, such as one that mounts something first.
        """
        ports = [failsafe(n, fallback(n)) for n in range(self.pairs)]
        launcher = [*within, *self.launcher(guard=guard)]
        return self.run_testpmd(launcher, vdevs=[*vdevs, *ports], **more)

    def run_testpmd(self, launcher: Sequence[str], *, vdevs: Sequence[str], **more: Any) -> Testpmd:
        """Testpmd of this line, with the stand-in's driver, behind a command of the test's own."""
        more["eal"] = ("-d", str(self.line.plugin), *more.get("eal", ()))
        more["env"] = {**self.line.env, **more.get("env", {})}
        return Testpmd(launcher, vdevs=vdevs, program=self.line.program, **more)

    def bare(self, fd: int, vdevs: Sequence[str], **more: Any) -> Testpmd:
        """Run testpmd on a pipe of the test's own: no sidecar, no launcher, no guard."""
        return self.run_testpmd(self.inside(), vdevs=vdevs, pass_fds=(fd,), **more)

    # ---- the wire ----

    def wire(self, netdev: str) -> Wire:
        """The wire of a NetVSC, of `vf<n>` whatever its name is now, or of a tap: its own end."""
        if netdev.startswith("dtap"):
            return netns.within(self.host.netns, lambda: Wire(socket.if_nametoindex(netdev)))
        vf = self.host.nics[f"netvsc{netdev[-1]}"].vf
        netdev = vf.name if vf and netdev.startswith("vf") else netdev
        shown = subprocess.run(
            ["ip", "-n", self.host.netns, "-o", "link", "show", "dev", netdev],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        peer = int(shown.split("@if")[1].split(":")[0])
        return netns.within(self.host.wire, lambda: Wire(peer))


@contextmanager
def traffic(*wires: Wire) -> Iterator[None]:
    """Keep frames coming on these wires, about a thousand a second each."""
    over = threading.Event()

    def keep_sending() -> None:
        while not over.wait(0.001):
            for wire in wires:
                wire.send()

    thread = threading.Thread(target=keep_sending)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class Wire:
    """The far end of a netdev: what is sent here the application receives."""

    def __init__(self, index: int) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.bind((socket.if_indextoname(index), 0x88B5))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self) -> bytes:
        """Send a frame; return its payload, which no other frame has. Nothing if the link fell."""
        payload = next(_payloads).to_bytes(8, "big") + bytes(50)
        try:
            self._socket.send(FRAME + payload)
        except OSError:  # ENETDOWN, ENXIO: the netdev is just going
            return b""
        return payload

    def echoes(self, *, within: float = 10.0) -> bool:
        """Send frames until one comes back, its addresses swapped: both directions work."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            payload = self.send()
            if payload and self._came_back(payload):
                return True
        return False

    def _came_back(self, payload: bytes) -> bool:
        while select.select([self._socket], [], [], 0.05)[0]:
            try:
                frame, sender = self._socket.recvfrom(2048)
            except OSError:
                return False
            swapped = frame[:6] == FRAME[6:12] and frame[6:12] == FRAME[:6]
            if sender[2] != PACKET_OUTGOING and swapped and payload in frame:
                return True
        return False
