"""The controller as a process: when it is ready, what it says of itself, and how it leaves."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from netvsc_operator.kube import NETVSC_NODES
from sim.cluster.apiserver import Object
from sim.cluster.controller import ControllerProcess
from sim.cluster.kubeconfig import kubeconfig
from sim.cluster.watched import Watched


def test_it_is_ready_once_all_is_watched_and_leaves_when_it_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        server = Watched()
        async with (
            server.serving() as access,
            ControllerProcess(kubeconfig(tmp_path, access.server)) as one,
        ):
            await server.watched()
            await one.ready()
            assert (await one.page("healthz")).startswith("ok")
            assert await one.metric("netvsc_controller_nodes") == 0
            assert await asyncio.to_thread(one.stop) == 0

    asyncio.run(run())


def test_it_waits_for_its_kinds_and_says_what_installs_them(tmp_path: Path) -> None:
    async def run() -> None:
        server = Watched()
        there: list[Object] = server.objects.pop(NETVSC_NODES.path())
        async with (
            server.serving() as access,
            ControllerProcess(kubeconfig(tmp_path, access.server)) as one,
        ):
            await server.asks(NETVSC_NODES)
            assert (await one.page("healthz")).startswith("ok")
            while "netvsc-operator crds" not in (await one.page("readyz")):
                await server.asks(NETVSC_NODES)
            server.objects[NETVSC_NODES.path()] = there
            await server.watched()
            await one.ready()
            assert await asyncio.to_thread(one.stop, signal.SIGINT) == 0

    asyncio.run(run())
