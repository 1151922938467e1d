"""A node with the real agent, its CNI side on, a kubelet's folder and a runtime's folders."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.agent import AgentFolder, AgentProcess
from sim.cni.calls import CniHost, Pod, host_of, id_of
from sim.cni.conflists import AZURE_OVERLAY, text_of
from sim.cni.server import Said, config, shim
from sim.kubelet.kubelet import Kubelet
from sim.sidecar.fdpipe import binary

PAIR = "netvsc.io/pair"
ETH1 = id_of(1)


@dataclass
class Node:
    cni: CniHost
    folder: Path
    kubelet: Kubelet

    def agent(
        self, mode: str = "chained", *options: str, within: Sequence[str] = ()
    ) -> AgentProcess:
        paths = ["--cni-conf", f"{self.folder}/conf", "--cni-bin", f"{self.folder}/bin"]
        options = ("--cni", mode, *paths, "--cni-shim", str(binary("fdpipe")), *options)
        return AgentProcess(self.cni.host, self.folder, *options, within=within)

    async def holds(self, pod: Pod, *numbers: int) -> None:
        """Let the kubelet allocate these pairs to a pod, and say so."""
        ids = [id_of(number) for number in numbers]
        await self.kubelet.allocate(PAIR, *ids)
        self.kubelet.pods["nf", pod.container, "fwd"] = {PAIR: ids}

    def lists(self, pod: Pod) -> None:
        """Let the kubelet list a pod that has no pairs."""
        self.kubelet.pods["nf", pod.container, "app"] = {}

    async def call(self, verb: str, pod: Pod, **more: Any) -> Said:
        given = config(self.folder / "state", **more)
        return await asyncio.to_thread(shim, verb, given, pod)

    async def until(self, holds: Callable[[], bool], what: str, *, seconds: float = 5.0) -> float:
        """Look until `holds`, return how long it took; the kernel does not tell tests."""
        began = time.monotonic()
        while not await asyncio.to_thread(holds):
            assert time.monotonic() - began < seconds, what
        return time.monotonic() - began


@asynccontextmanager
async def azure(pairs: int, *, driver: str = "mlx5_core") -> AsyncIterator[Node]:
    host = host_of(pairs, driver=driver)
    with AgentFolder() as folder, CniHost(host=host) as cni:
        for name in ("conf", "bin"):
            (folder / name).mkdir()
        (folder / "conf" / "10-azure.conflist").write_bytes(text_of(AZURE_OVERLAY))
        cni.host.ip.add_default_route(cni.host.ip.index("eth0"), family=6)
        async with Kubelet(folder) as kubelet:
            yield Node(cni=cni, folder=folder, kubelet=kubelet)


def on_azure(
    story: Callable[[Node], Coroutine[None, None, None]],
    *,
    pairs: int = 1,
    driver: str = "mlx5_core",
) -> None:
    """Play a story on a node; `driver` is that of its VFs."""

    async def play() -> None:
        async with azure(pairs, driver=driver) as node:
            await story(node)

    asyncio.run(play())


async def on_path(agent: AgentProcess, path: str) -> None:
    sample = f'netvsc_pair_path{{pair="{ETH1}",path="{path}"}}'
    await agent.until(lambda a: a.metric(sample) == 1, f"{ETH1} on {path}")


def in_pod(cni: CniHost, pod: Pod) -> bool:
    _, vf = cni.places(1, pod)
    return vf is not None and vf.netns == pod.netns and vf.up
