"""The node agent as a process, and its scan by the size of the host."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from pyroute2 import IPRoute

from netvsc_deviceplugin.inventory.match import Policy, decide
from netvsc_deviceplugin.inventory.pairing import pair_up
from netvsc_deviceplugin.inventory.scan import ScanSource, scan
from sim.agent import AgentFolder, AgentProcess
from sim.cluster import netvscnode
from sim.kernel import netns
from sim.kernel.host import Host, SimVf
from sim.kernel.links import mac_of
from sim.kernel.systree import PciFacts
from sim.kubelet.kubelet import Kubelet

PAIR = "netvsc.io/pair"
SIZES = (1, 8, 64)
SETTLED = 12.0  # seconds after which the looks that follow a registration are over
IDLE = 20.0  # seconds


def measure(rounds: int) -> dict[str, list[float]]:
    """Return scan times, the agent's start, and what it costs while nothing happens."""
    found = {}
    for size in SIZES:
        with host_of(size) as host:
            found[f"scan of {size} pair{'s' if size > 1 else ''}"] = scans(host, rounds)
            if size == SIZES[-1]:
                found["pyroute2: dump of the same links"] = peer_dumps(host, rounds)
    with Host.from_fixture("f02") as host, AgentFolder() as folder:
        found |= asyncio.run(agent(host, folder, max(3, rounds // 10)))
    return found


def host_of(size: int) -> Host:
    """Make a host with that many pairs and an uplink."""
    host = Host()
    for number in range(size + 1):
        name = f"eth{number}"
        host.add_netvsc(name, mac=mac_of(number + 1), guid=f"guid-{number}")
        host.nics[name].vf = SimVf(
            name=f"vf{number}", facts=PciFacts(address=f"{number:04x}:00:02.0")
        )
        host.give(name)
    host.ip.add_default_route(host.ip.index("eth0"), family=6)
    return host


def scans(host: Host, rounds: int) -> list[float]:
    source = ScanSource(sysfs=host.sysfs, sim=True)

    def once() -> float:
        began = time.perf_counter()
        world, devices = scan(source)
        policy = Policy()
        nics, conflicts = pair_up(world.links, devices, policy.pools)
        decide(nics, conflicts, world, policy, memory={})
        return time.perf_counter() - began

    return netns.within(host.netns, lambda: [once() for _ in range(rounds)])


def peer_dumps(host: Host, rounds: int) -> list[float]:
    """Time the library's dump of the links alone, in the same namespace."""

    def dump(rtnl: IPRoute) -> float:
        began = time.perf_counter()
        list(rtnl.get_links())
        return time.perf_counter() - began

    def all_of_them() -> list[float]:
        with IPRoute() as rtnl:
            return [dump(rtnl) for _ in range(rounds)]

    return netns.within(host.netns, all_of_them)


async def agent(host: Host, folder: Path, starts: int) -> dict[str, list[float]]:
    times = []
    async with Kubelet(folder) as kubelet:
        for _ in range(starts):
            process = AgentProcess(host, folder)
            async with process:
                times.append(
                    await kubelet.registered(PAIR, since=process.started) - process.started
                )
            await kubelet.gone(PAIR)
        found = await at_rest(AgentProcess(host, folder), kubelet, "agent")
        await kubelet.gone(PAIR)
        async with netvscnode.serving(host, folder) as node:
            process = AgentProcess(host, folder, *node.options)
            found |= await at_rest(process, kubelet, "agent with --node")
    return {"agent start → registered": times, **found}


async def at_rest(process: AgentProcess, kubelet: Kubelet, name: str) -> dict[str, list[float]]:
    """Return what an agent with two pairs holds and uses while nothing happens."""
    async with process as running:
        await kubelet.devices(PAIR, until=lambda devices: len(devices) == 2, since=process.started)
        await running.until(lambda one: one.get("/readyz")[0] == 200, "ready")
        await asyncio.sleep(SETTLED)
        before, woken = running.cpu(), wakeups(running.process.pid)
        await asyncio.sleep(IDLE)
        idle = (running.cpu() - before) / IDLE
        rate = (wakeups(running.process.pid) - woken) / IDLE
        memory = smaps(running.process.pid)
    return {
        f"{name} RSS (MiB)": [memory["Rss"]],
        f"{name} private dirty (MiB)": [memory["Private_Dirty"]],
        f"{name} CPU idle (share of a core)": [idle],
        f"{name} wakeups per second, idle": [rate],
    }


def wakeups(pid: int) -> int:
    """Return how often the threads of a process went to sleep by themselves."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                total += int(line.split()[1])
    return total


def smaps(pid: int) -> dict[str, float]:
    """Return /proc/PID/smaps_rollup in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
