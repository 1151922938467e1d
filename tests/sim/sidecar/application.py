"""The application stand-in: a fail-safe at a descriptor, in the network namespace it is started in.

    fdpipe exec --fd 200=/run/netvsc/00 -- python -m sim.sidecar.application --fd 200 --poll-ms 100

It prints one JSON object per event: `started`, `read`, and what `sim.sidecar.failsafe` says of each
poll, with `at`, nanoseconds of CLOCK_MONOTONIC. `--tap` makes the tap of a fail-safe, up once
the "ports are started", and gone with the process.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import time
from pathlib import Path

from netvsc_deviceplugin.kernel import netlink
from sim.sidecar.failsafe import Device, Failsafe, Step

_IFNAME, _IFALIAS = 3, 20
_TUNSETIFF, _TAP_NO_PI = 0x400454CA, 0x1002
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def emit(event: str, *, at: int | None = None, **facts: object) -> None:
    line = {"at": at or time.monotonic_ns(), "event": event} | facts
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def find(line: str) -> Device | None:
    """Return the ifindex of the netdev a line leads to, by its name or its simulated address."""
    address, *rest = line.split(",")
    name = next((key[6:] for key in rest if key.startswith("iface=")), None)
    for message in netlink.dump(netlink.RTM_GETLINK, bytes(16)):
        found = netlink.attributes(message.body, 16)
        if name is not None:
            matches = netlink.text(found[_IFNAME]) == name
        else:
            alias = netlink.text(found.get(_IFALIAS, b""))
            matches = alias.split(";")[0] == f"sim:pci:{address}"
        if matches:
            return netlink.number(message.body[4:8])
    return None


class Tap:
    """The tap of a fail-safe: there from EAL init on, up from the start of the ports on."""

    def __init__(self, name: str) -> None:
        self._name = name.encode()
        self._file = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        request = struct.pack("16sH22x", self._name, _TAP_NO_PI)
        fcntl.ioctl(self._file, _TUNSETIFF, request)

    def up(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            request = struct.pack("16sH22x", self._name, 0)
            flags = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)[0]
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", self._name, flags | _IFF_UP))


def read_all(fd: int) -> bytes:
    """Read as fgets(3) on a non-blocking descriptor does: until nothing is left."""
    data = b""
    while True:
        try:
            more = os.read(fd, 4096)
        except BlockingIOError:
            return data
        if not more:
            return data
        data += more


class Application:
    """Polls for ever, and tells."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._failsafe = Failsafe()

    def _read(self) -> bytes:
        data = read_all(self._fd)
        if data:
            emit("read", data=data.decode("latin-1"))
        return data

    def poll(self) -> list[Step]:
        steps = self._failsafe.poll(self._read, find)
        for step in steps:
            emit(step.did, line=step.line)
        return steps


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sim.sidecar.application", description=__doc__)
    parser.add_argument("--fd", type=int, default=200)
    parser.add_argument("--poll-ms", type=int, default=100)
    parser.add_argument("--tap", help="make this tap, as a fail-safe with a tap does")
    parser.add_argument("--start-after-ms", type=int, default=0, help="until the ports are started")
    parser.add_argument("--pid-file", type=Path)
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    options = parse(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if options.pid_file:
        options.pid_file.write_text(str(os.getpid()))
    tap = Tap(options.tap) if options.tap else None
    started = tap is None
    application = Application(options.fd)
    emit("started", pid=os.getpid())
    pause, start = options.poll_ms / 1000, time.monotonic() + options.start_after_ms / 1000
    while True:
        if tap and not started and time.monotonic() >= start:
            tap.up()
            emit("tap-up")
            started = True
        application.poll()
        time.sleep(pause)  # fail-safe's alarm: it polls whatever happens


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
