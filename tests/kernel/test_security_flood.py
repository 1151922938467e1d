"""A pod that makes noise: its own pipe full, its interfaces never at rest. Others are served."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sim.cni.calls import Pod as Sandbox
from sim.cni.node import PAIR, Node, on_azure
from sim.sidecar.fdpipe import PCI, Pod, Reader

QUICK = ("--gate", "immediate", "--poll-ms", "20", "--settle-ms", "5")
NOISE = b"0000:00:00.0\n" * 6000  # more than a pipe holds


def test_a_pipe_that_an_application_fills_itself_is_emptied_and_gets_its_line_again() -> None:
    """Root in the application may write into its own pipe: read-only mounts do not cover pipes."""
    with Pod() as pod:
        sidecar = pod.sidecar(*QUICK)
        with Reader(pod.pipe) as reader:
            reader.read()
            sidecar.wait_log("hungry")
            _fill(pod)
            pod.host.give("netvsc0")
            sidecar.wait_log("usable")
            while reader.wait() != f"{PCI}\n".encode():
                pass
        sidecar.wait_log("taken")
        assert sidecar.process.poll() is None


def _fill(pod: Pod) -> None:
    pipe = os.open(pod.pipe, os.O_WRONLY | os.O_NONBLOCK)
    try:
        with suppress(BlockingIOError):
            while True:
                os.write(pipe, NOISE)
    finally:
        os.close(pipe)


def test_while_a_pod_renames_its_netvsc_without_end_another_pod_comes_and_goes() -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await node.kubelet.devices(PAIR, until=lambda found: len(found) == 2)
            loud, quiet = node.cni.pod(), node.cni.pod()
            await node.holds(loud, 1)
            await node.call("ADD", loud)
            with restless(loud):
                began, used = time.monotonic(), agent.cpu()
                await node.holds(quiet, 2)
                assert (await node.call("ADD", quiet)).code == 0
                assert node.cni.inside(2, quiet)
                assert (await node.call("DEL", quiet)).code == 0
                assert node.cni.on_host(2, quiet)
                assert agent.cpu() - used < 0.9 * (time.monotonic() - began)
            assert (await node.call("DEL", loud)).code == 0
            assert node.cni.on_host(1, loud)

    on_azure(story, pairs=2)


@contextmanager
def restless(pod: Sandbox) -> Iterator[None]:
    """Rename the NetVSC as fast as the kernel does it, while the context lasts."""
    stop, index = threading.Event(), pod.ip.index("netvsc0")

    def rename() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with suppress(OSError):  # the agent has just given it its name back
                pod.ip.rename(index, f"x{number % 7}")

    thread = threading.Thread(target=rename)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
