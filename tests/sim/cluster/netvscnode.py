"""A NetvscNode that an agent can reach from its host, in an apiserver of a few lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.cluster.apiserver import Apiserver, Object, thing
from sim.cluster.proxy import Door
from sim.kernel.host import Host

PATIENCE = 10.0  # seconds


@dataclass
class SimNode:
    """`options` are what the agent needs to find it."""

    server: Apiserver
    options: list[str]

    def ask(self, generation: int, **spec: object) -> None:
        """Change the spec, for the watch that runs."""
        self.server.say("MODIFIED", netvsc_node(generation, **spec))

    async def told(self, text: str) -> Any:
        """Wait for a status that contains `text`; return it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                written = [body for body in self.server.bodies if body.startswith(b'{"status"')]
                if written and text.encode() in written[-1]:
                    return json.loads(written[-1])["status"]
                await asyncio.sleep(0.02)  # the simulated server tells nobody


def netvsc_node(generation: int, **spec: object) -> Object:
    node = thing("n1", generation, **spec)
    node["metadata"] |= {"uid": "u1", "generation": generation}
    return node


@asynccontextmanager
async def serving(host: Host, folder: Path) -> AsyncIterator[SimNode]:
    """Serve n1, with one pool that takes all."""
    server = Apiserver()
    server.objects = [netvsc_node(1, pools=[{"name": "pair"}])]
    async with server.serving() as access:
        address, port = access.server.removeprefix("http://").split(":")
        async with Door(host.netns, address, int(port)) as door:
            file = folder / "kubeconfig"
            file.write_text(_kubeconfig(door.url.replace("https", "http")))
            yield SimNode(server, ["--node", "n1", "--kubeconfig", str(file), "--imds", "off"])


def _kubeconfig(server: str) -> str:
    return json.dumps(
        {
            "current-context": "sim",
            "contexts": [{"name": "sim", "context": {"cluster": "sim", "user": "sim"}}],
            "clusters": [{"name": "sim", "cluster": {"server": server}}],
            "users": [{"name": "sim", "user": {}}],
        }
    )
