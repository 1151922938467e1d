"""The controller under a fleet: figures for the test of its budget and for the benchmark."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from netvsc_operator.kube import Kube, config_loader
from sim.cluster.controller import ControllerProcess
from sim.cluster.fleet import SimFleet, Size, known

FULL = Size(nodes=5000, changing=500, pods=2000, within_s=60)
CI = Size(nodes=500, changing=50, pods=200, within_s=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """`lags` by what was told, in seconds; memory in MiB, `peak_mib` the most there ever was."""

    lags: dict[str, list[float]]
    made_s: float
    level_s: float
    again_s: float
    rss_mib: float
    peak_mib: float
    cpu_s: float

    def table(self, size: Size) -> str:
        lines = [
            f"nodes {size.nodes}, pods {size.pods}, changing {size.changing} in {size.within_s} s",
            f"all NetvscNodes made: {self.made_s:.1f} s",
            f"all that agents first reported was told: {self.level_s:.1f} s",
            f"level again after a restart: {self.again_s:.1f} s",
            f"memory: {self.rss_mib:.0f} MiB, at most {self.peak_mib:.0f} MiB",
            f"CPU in the storm: {self.cpu_s:.1f} s",
        ]
        for what, lags in sorted(self.lags.items()):
            ordered = sorted(lags)
            p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
            lines.append(f"{what}: p50 {p50:.3f} s, p99 {p99:.3f} s, worst {ordered[-1]:.3f} s")
        return "\n".join(lines)


async def figures(kubeconfig: Path, size: Size) -> Figures:
    """Fill the cluster behind `kubeconfig`, which must be empty and have the kinds."""
    async with Kube(config_loader(kubeconfig)) as kube:
        fleet = SimFleet(kube, size)
        await fleet.populate()
        async with ControllerProcess(kubeconfig) as one:
            began = time.monotonic()
            await known(kube, size.nodes)
            made = time.monotonic() - began
            await fleet.report()
            began = time.monotonic()
            await known(kube, size.nodes, told=True)
            level = time.monotonic() - began
            peak = one.memory_mib()
        async with ControllerProcess(kubeconfig) as one:
            again = await _level(one, size)
            cpu = one.cpu_s()
            lags = await fleet.storm()
            return Figures(
                lags=lags,
                made_s=made,
                level_s=level,
                again_s=again,
                rss_mib=one.memory_mib("VmRSS"),
                peak_mib=max(peak, one.memory_mib()),
                cpu_s=one.cpu_s() - cpu,
            )


async def _level(one: ControllerProcess, size: Size) -> float:
    """Wait until a controller that was started anew knows all and has nothing left to do."""
    began = time.monotonic()
    while True:
        known_now = await one.metric("netvsc_controller_nodes")
        if known_now >= size.nodes and await one.metric("netvsc_controller_queue") == 0:
            return time.monotonic() - began
        await asyncio.sleep(0.1)
