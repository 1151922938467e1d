"""A pair into a pod and home again, through the shim and the real agent, beside what others take.

Peers in the same run: bare netlink moves, the standard host-device plugin moving one netdev (where
it is installed), and the exec of a static program for a pod that has no pairs.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.bench_agent import smaps
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.requests.linkops import Rtnl
from sim.agent import AgentFolder, AgentProcess
from sim.cni.calls import CniHost, Pod, id_of
from sim.cni.server import config, shim
from sim.kubelet.kubelet import Kubelet
from sim.sidecar.fdpipe import binary

PAIR = "netvsc.io/pair"
PLUGINS = ("/opt/cni/bin", "/usr/lib/cni")


def measure(rounds: int) -> dict[str, list[float]]:
    """Return times of ADD and DEL, in seconds."""
    moves = max(5, rounds // 5)  # each costs some 40 ms in the kernel
    with CniHost() as cni:
        found = bare(cni, moves) | host_device(cni, moves)
        with AgentFolder() as folder:
            return found | asyncio.run(through_the_agent(cni, folder, rounds, moves))


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bare(cni: CniHost, rounds: int) -> dict[str, list[float]]:
    """Move NetVSC and VF there and back by netlink, and nothing else."""
    pod, times = cni.pod(), []
    with Netns.open(pod.path) as space, Rtnl(space) as away, Rtnl(cni.host_ns) as home:
        for _ in range(rounds):
            there = [(cni.host.ip.index(name), name) for name in ("eth1", "vf1")]
            began = time.perf_counter()
            for index, name in there:
                home.move(index, to=space, name=name)
            times.append(time.perf_counter() - began)
            for name in ("eth1", "vf1"):
                away.move(pod.ip.index(name), to=cni.host_ns, name=name)
                home.up(cni.host.ip.index(name))
    return {"netlink: two bare moves": times}


def host_device(cni: CniHost, rounds: int) -> dict[str, list[float]]:
    program = shutil.which("host-device", path=":".join(PLUGINS))
    if not program:
        return {}
    pod, times = cni.pod(), []
    cni.host.add_link("peer1", mac="02:00:00:00:00:31")
    given = {"cniVersion": "1.0.0", "name": "n", "type": "host-device", "device": "peer1"}

    def call(verb: str) -> None:
        environment = {"CNI_COMMAND": verb, "CNI_CONTAINERID": "c", "CNI_NETNS": pod.path}
        subprocess.run(
            ["ip", "netns", "exec", cni.host.netns, program],
            input=json.dumps(given).encode(),
            env=os.environ | environment | {"CNI_IFNAME": "net1", "CNI_PATH": PLUGINS[1]},
            check=True,
            stdout=subprocess.DEVNULL,
        )

    for _ in range(rounds):
        times.append(timed(lambda: call("ADD")))
        call("DEL")
    return {"host-device plugin: ADD of one netdev (with ip netns exec)": times}


async def through_the_agent(
    cni: CniHost, folder: Path, rounds: int, moves: int
) -> dict[str, list[float]]:
    for name in ("conf", "bin"):
        (folder / name).mkdir()
    options = ["--cni", "served", "--cni-conf", f"{folder}/conf", "--cni-bin", f"{folder}/bin"]
    options += ["--cni-shim", str(binary("fdpipe"))]
    cni.host.ip.add_default_route(cni.host.ip.index("eth0"), family=6)
    async with Kubelet(folder) as kubelet, AgentProcess(cni.host, folder, *options) as agent:
        await kubelet.devices(PAIR, until=lambda found: len(found) == 1)
        pod, plain = cni.pod(), cni.pod()
        await kubelet.allocate(PAIR, id_of(1))
        kubelet.pods["nf", pod.container, "fwd"] = {PAIR: [id_of(1)]}
        given = config(folder / "state")

        async def call(verb: str, where: Pod) -> float:
            return await asyncio.to_thread(timed, lambda: good(shim(verb, given, where)))

        first = [await call("ADD", pod)]
        await call("DEL", pod)
        pairs = [(await call("ADD", pod), await call("DEL", pod)) for _ in range(moves)]
        await call("ADD", pod)
        plains = [(await call("ADD", plain), await call("DEL", plain)) for _ in range(rounds)]
        memory = smaps(agent.process.pid)["Rss"]
        returns = [await asyncio.to_thread(come_back, cni, pod) for _ in range(moves)]
        nothing = [str(binary()), "--version"]
        execs = [
            timed(lambda: subprocess.run(nothing, check=True, stdout=subprocess.DEVNULL))
            for _ in plains
        ]
    return {
        "CNI ADD of one pair, first": first,
        "CNI ADD of one pair": [add for add, _ in pairs],
        "CNI DEL of one pair": [delete for _, delete in pairs],
        "CNI ADD, pod without pairs": [add for add, _ in plains],
        "CNI DEL, pod without pairs": [delete for _, delete in plains],
        "exec of a static program": execs,
        "VF back in the host's netns → in its pod": returns,
        "agent RSS, a pair in its pod (MiB)": [memory],
    }


def come_back(cni: CniHost, pod: Pod) -> float:
    """Take the VF away in its pod and give it back at home; looking costs a millisecond."""
    cni.revoke_in(1, pod)
    cni.return_home(1)
    began = time.perf_counter()
    while not cni.inside(1, pod) or not cni.places(1, pod)[1]:
        assert time.perf_counter() - began < 5
    return time.perf_counter() - began


def good(said: Any) -> None:
    assert said.code == 0, said
