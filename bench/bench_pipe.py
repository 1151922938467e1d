"""The pipe: from the kernel's message to the line, and what the sidecar costs.

The settle time (30 ms by default) is configuration: these runs set it to 0, so that what is
measured is the program. Event times are taken just before the request that makes them.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.quota import limited
from netvsc_deviceplugin.kernel.links import read_links
from netvsc_deviceplugin.kernel.simulation import simulate
from sim.kernel import netns
from sim.kernel.host import Host
from sim.sidecar.fdpipe import Pod, Reader, Sidecar

NETVSC = "netvsc0"
PATIENCE_MS = 5000
BETWEEN = 0.15  # seconds: a quota that a burst used up is whole again
IDLE = 5.0  # seconds
PEER_PERIOD = 1.0  # seconds: VDEV_NETVSC_PROBE_MS, drivers/net/vdev_netvsc/vdev_netvsc.c
PEER_ROUNDS = 15
READY_ROUNDS = 20
OPTIONS = ("--settle-ms", "0", "--gate", "immediate", "--poll-ms", "60000")


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the latencies with and without a pod's CPU limit, and what the sidecar costs."""
    found = {}
    with Pod(program="fdpipe-sim") as pod:
        sidecar = pod.sidecar(*OPTIONS)
        usable, gone = latencies(pod, sidecar, rounds)
        found["VF usable → line readable"] = usable
        found["VF gone → pipe empty"] = gone
        found |= cost(sidecar.process.pid)
    with Pod(program="fdpipe-sim") as pod:
        sidecar = pod.sidecar(*OPTIONS)
        with limited(sidecar.process.pid, milli_cpu=20) as quota:
            if quota:
                usable, gone = latencies(pod, sidecar, rounds)
                found["VF usable → line readable, 20m CPU"] = usable
                found["VF gone → pipe empty, 20m CPU"] = gone
    found["sidecar start → ready"] = [start() for _ in range(READY_ROUNDS)]
    found["vdev_netvsc's poll (its algorithm): VF usable → line readable"] = peer()
    return found


def latencies(pod: Pod, sidecar: Sidecar, rounds: int) -> tuple[list[float], list[float]]:
    """Let a hungry reader wait, give the VF, leave the line unread, take the VF away."""
    usable, gone = [], []
    with Reader(pod.pipe) as reader:
        sidecar.wait_log("opened")
        for _ in range(rounds):
            seen = len(sidecar.lines)
            reader.read()
            sidecar.wait_log("hungry", since=seen)
            pod.host.give(NETVSC)
            usable.append((readable(reader.fd) - pod.host.usable_at) / 1e9)
            seen = len(sidecar.lines)
            began = pod.host.revoke(NETVSC)
            gone.append((sidecar.wait_log("cancelled", since=seen).at - began) / 1e9)
            time.sleep(BETWEEN)
    sidecar.wait_log("closed")
    return usable, gone


def readable(fd: int) -> int:
    """Wait until there is something to read; return when, in nanoseconds."""
    waiting = select.poll()
    waiting.register(fd, select.POLLIN)
    if not waiting.poll(PATIENCE_MS):
        raise AssertionError(f"nothing to read within {PATIENCE_MS} ms")
    return time.monotonic_ns()


def cost(pid: int) -> dict[str, list[float]]:
    """Measure the sidecar while nothing happens."""
    before = switches(pid)
    time.sleep(IDLE)
    rate = (switches(pid) - before) / IDLE
    return {
        "sidecar wakeups per second, idle": [rate],
        "sidecar RSS (MiB)": [status(pid, "VmRSS:") / 1024],
    }


def status(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    raise LookupError(key)


def switches(pid: int) -> int:
    return status(pid, "voluntary_ctxt_switches:")


def start() -> float:
    with Pod(program="fdpipe-sim") as pod:
        began = time.monotonic_ns()
        sidecar = pod.sidecar(*OPTIONS)
        ready = next(line for line in sidecar.log() if line.event == "ready")
        return (ready.at - began) / 1e9


def peer() -> list[float]:
    """Do what vdev_netvsc does: look at all interfaces each second, write the address if there."""
    times = []
    with Pod() as pod, polled_pipe(pod.host) as fd:
        os.set_blocking(fd, False)
        for i in range(PEER_ROUNDS):
            pod.host.give(NETVSC)
            times.append((readable(fd) - pod.host.usable_at) / 1e9)
            pod.host.revoke(NETVSC)
            time.sleep(PEER_PERIOD * (1 + (i * 0.37) % 1))  # another phase each time
            drain(fd)
    return times


def drain(fd: int) -> None:
    try:
        while os.read(fd, 65536):
            pass
    except BlockingIOError:
        return


@contextmanager
def polled_pipe(host: Host) -> Iterator[int]:
    """Run the poll in a thread of the host's netns; yields the reading end of its pipe."""
    reading, writing = os.pipe()
    done = threading.Event()
    thread = threading.Thread(
        target=netns.within, args=(host.netns, lambda: poll_for_ever(writing, done.wait))
    )
    thread.start()
    try:
        yield reading
    finally:
        done.set()
        thread.join()
        os.close(reading)
        os.close(writing)


def poll_for_ever(writing: int, wait: Callable[[float], bool]) -> None:
    while not wait(PEER_PERIOD):
        for link in simulate(read_links()):
            if link.parent_bus == "pci" and link.master:
                os.write(writing, f"{link.parent}\n".encode())
