"""The agent and the kubelet: how long each of their errands takes over the real sockets.

The agent's component runs in a process of its own, as it would on a node; the kubelet stand-in and
the clocks are here. Both read CLOCK_MONOTONIC, which is one for all processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))
# gRPC's core writes a line to stderr for each connection that ends; it reads this at its import.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from netvsc.model.pair import Inventory  # noqa: E402 (after the path that leads to the simulator)
from netvsc_deviceplugin.concurrency.latest import Latest  # noqa: E402
from sim.kubelet.inventories import pair  # noqa: E402
from sim.kubelet.kubelet import Kubelet  # noqa: E402
from sim.kubelet.plugin_manager import RESOURCE, Node  # noqa: E402

ALLOCATES = 10  # per round: one takes a fraction of a millisecond
QUIET_S = 0.12  # longer than the pace of ListAndWatch, so that each change finds it idle


def measure(rounds: int) -> dict[str, list[float]]:
    """Return seconds of each errand, `rounds` samples or as many as its cost allows."""
    with tempfile.TemporaryDirectory(prefix="sim-", dir="/tmp") as made:
        return asyncio.run(_measure(Path(made), rounds))


async def _measure(folder: Path, rounds: int) -> dict[str, list[float]]:
    async with Kubelet(folder) as kubelet:
        found = {}
        async with _agent(kubelet) as agent:
            await kubelet.devices(RESOURCE)
            found["Allocate"] = await _allocates(kubelet, rounds * ALLOCATES)
            found["change → ListAndWatch"] = await _changes(kubelet, agent, rounds)
            found["kubelet restart → registered"] = await _restarts(kubelet, rounds)
    return found


async def _allocates(kubelet: Kubelet, rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        await kubelet.allocate(RESOURCE, pair(1).id)
        times.append(time.perf_counter() - began)
    return times


async def _changes(kubelet: Kubelet, agent: asyncio.subprocess.Process, rounds: int) -> list[float]:
    """Measure from the moment that the agent's inventory changes."""
    assert agent.stdin
    assert agent.stdout
    times = []
    for number in range(rounds):
        await asyncio.sleep(QUIET_S)
        wanted = 3 - number % 2
        agent.stdin.write(b"%d\n" % wanted)
        changed = float(await agent.stdout.readline())
        await kubelet.devices(RESOURCE, since=changed)
        times.append(kubelet.messages(RESOURCE)[-1].at - changed)
    return times


async def _restarts(kubelet: Kubelet, rounds: int) -> list[float]:
    times = []
    for _ in range(rounds):
        began = await kubelet.restart()
        times.append(await kubelet.registered(RESOURCE, since=began) - began)
        await kubelet.devices(RESOURCE, since=began)
    return times


@contextlib.asynccontextmanager
async def _agent(kubelet: Kubelet) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run this file as the agent; closing its input ends it."""
    folder = kubelet.plugins_folder.parent
    agent = await asyncio.create_subprocess_exec(
        sys.executable,
        __file__,
        str(folder),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert agent.stdin
    try:
        yield agent
    finally:
        agent.stdin.close()
        await agent.wait()


async def _serve(folder: Path) -> None:
    """Be the agent: each line on stdin is a number of pairs; the answer is when they were set."""
    here = Node(folder=folder, kubelet=Kubelet(folder))
    here.add_devices("net/tun", "infiniband/rdma_cm", "infiniband/uverbs1")
    stock = [pair(number) for number in (1, 2, 3)]
    here.inventory.set(Inventory(pairs=tuple(stock[:2])))
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with here.agent():
        async for line in reader:
            _set(here.inventory, Inventory(pairs=tuple(stock[: int(line)])))


def _set(latest: Latest[Inventory], inventory: Inventory) -> None:
    now = time.monotonic()
    latest.set(inventory)
    print(now, flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
