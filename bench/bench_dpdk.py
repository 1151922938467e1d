"""How soon a real DPDK application forwards on its VF again, ours beside DPDK's own way.

Needs root: it installs Debian's DPDK (tests/dpdk/setup.sh).

Ours: the sidecar, `hotplug_poll=100`. The peer: what DPDK's vdev_netvsc does, by its documented
algorithm (it wants Hyper-V itself): each second it writes the address of a VF that is there into
the pipe, read or not, and leaves fail-safe's `hotplug_poll` at 2000. Both applications have the
guard, or the peer would not survive the first removal. Times in seconds, from the VF's join to the
sub-device's start; the sidecar's settle time of 30 ms is in ours.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from dpdk import machine
from dpdk.moved import DRIVER, MovedPod, Return
from dpdk.pod import Pod, af_packet, failsafe
from dpdk.testpmd import DETACHED, PLUGGED, STARTED, Testpmd
from sim.cni.node import PAIR, azure

OURS = "VF back → application forwarding (hotplug_poll 100)"
PEER = "vdev_netvsc's way (its algorithm): VF back → application forwarding"
MOVED = "VF back in the host's netns → in its pod (DPDK running)"
STARTED_AGAIN = "VF back in the host's netns → its pod's application forwarding"
POISONED = "share of runs that ended poisoned"
PEER_PERIOD = 1.0  # seconds between two writes of vdev_netvsc
PEER_POLL_MS = 2000
STUCK = 7.0  # seconds: longer than any poll, write and probe of either
MIGRATIONS = 5  # in one run that looks for poisoning
STAY = 1.0  # seconds at least; in life it is hours
ABSENCE = 6.0  # seconds at most; on Azure half a minute is typical
PLUG = rf"{PLUGGED}(?s:.*?){STARTED}"


class Peer:
    """Writes the VF's address each second, as long as there is a VF."""

    def __init__(self, pipe: int) -> None:
        self.line: str | None = None
        self._pipe, self._over = pipe, threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        while not self._over.wait(PEER_PERIOD):
            if line := self.line:
                os.write(self._pipe, f"{line}\n".encode())

    def close(self) -> None:
        self._over.set()
        self._thread.join()


class Side:
    """One of the two: a pod with an application that is forwarding, its VF away."""

    def __init__(self, pod: Pod, pmd: Testpmd, announce: Callable[[str | None], None]) -> None:
        self.pod, self.pmd, self._announce = pod, pmd, announce

    def come(self, *, moved: int = 0) -> float:
        """The VF comes; return the seconds until it is in service. TimeoutError: never."""
        since = self.pmd.mark()
        line = self.pod.give(moved=moved)
        came = time.monotonic_ns()
        self._announce(line)
        try:
            return (self.pmd.when(self.pmd.wait(PLUG, since, timeout=STUCK)) - came) / 1e9
        except AssertionError as error:
            raise TimeoutError from error

    def go(self) -> None:
        since = self.pmd.mark()
        self._announce(None)
        self.pod.revoke()
        self.pmd.wait(DETACHED, since)


@contextmanager
def ours() -> Iterator[Side]:
    with Pod() as pod:
        pod.announce()
        with pod.testpmd() as pmd:
            pmd.ready().forward()
            yield Side(pod, pmd, lambda _: None)


@contextmanager
def peers() -> Iterator[Side]:
    reader, writer = os.pipe()
    port = failsafe(0, af_packet(0), source=f"fd({reader})", poll=PEER_POLL_MS)
    peer = Peer(writer)
    try:
        guard = {"LD_PRELOAD": str(machine.guard())}
        with Pod() as pod, pod.bare(reader, [port], env=guard) as pmd:
            pmd.ready().forward()

            def announce(line: str | None) -> None:
                peer.line = line

            yield Side(pod, pmd, announce)
    finally:
        peer.close()
        os.close(reader)
        os.close(writer)


def returns(side: Side, rounds: int) -> list[float]:
    """Returns at the same address, at random moments: the kind that cannot poison."""
    pause, dice, found = threading.Event(), random.Random(1), []
    side.come()  # the first one after a start also waits for the gate: not a return
    side.go()
    for _ in range(rounds):
        found.append(side.come())
        side.go()
        pause.wait(dice.random() * 0.3)
    return found


def is_poisoned(side: Side, seed: int) -> bool:
    """One run of returns at other addresses after absences of any length up to ABSENCE."""
    pause, dice = threading.Event(), random.Random(seed)
    for moved in range(MIGRATIONS):
        try:
            side.come(moved=moved)
        except TimeoutError:
            return True
        pause.wait(STAY + dice.random())
        side.go()
        pause.wait(dice.random() * ABSENCE)
    return False


def share(make: Callable[[], AbstractContextManager[Side]], runs: int) -> float:
    poisoned = 0
    for seed in range(runs):
        with make() as side:
            poisoned += is_poisoned(side, seed)
    return poisoned / runs


async def in_a_moved_pod(rounds: int) -> dict[str, list[float]]:
    """The pair came by CNI; its VF returns into the host's netns, and the agent moves it."""
    async with azure(1, driver=DRIVER) as node, node.agent():
        await node.kubelet.devices(PAIR, until=lambda found: len(found) == 1)
        sandbox = node.cni.pod()
        await node.holds(sandbox, 1)
        await node.call("ADD", sandbox)
        backs = await asyncio.to_thread(come_and_go, MovedPod(node.cni, sandbox), rounds)
        await node.call("DEL", sandbox)
    return {
        MOVED: [back.moved for back in backs],
        STARTED_AGAIN: [back.started for back in backs],
        "share of the move in that": [back.moved / back.started for back in backs],
    }


def come_and_go(pod: MovedPod, rounds: int) -> list[Return]:
    pause, dice, found = threading.Event(), random.Random(2), []
    with pod:
        pod.announce()
        with pod.testpmd() as pmd:
            pmd.ready().forward()
            pmd.wait(PLUG)
            for _ in range(rounds):
                pod.lose(pmd)
                pause.wait(dice.random() * 0.3)
                found.append(pod.come_back(pmd))
    return found


def measure(rounds: int) -> dict[str, list[float]]:
    """As the other benchmarks: samples by name, in seconds; shares by one sample."""
    found = {}
    with ours() as side:
        found[OURS] = returns(side, rounds)
    with peers() as side:
        found[PEER] = returns(side, max(8, rounds // 5))
    found |= asyncio.run(in_a_moved_pod(rounds))
    runs = max(3, rounds // 15)
    found[f"{POISONED}, ours"] = [share(ours, runs)]
    found[f"{POISONED}, vdev_netvsc's way"] = [share(peers, runs)]
    return found
