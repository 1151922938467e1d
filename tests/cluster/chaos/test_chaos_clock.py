"""The real agent and the real controller, their wall clock set by a day while a VF is away.

Only the clock of the process in question is set, by libfaketime. It starts a day ahead: an agent
that is a day behind could not trust an apiserver whose certificate is new.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from cluster.agent.node import ETH1, Node, install_crd, on_a_node, options_of, pair
from cluster.apiserver import apiserver
from cluster.chaos.clock import FakeClock
from cluster.operator import stage
from cluster.operator.stage import Site, made, site
from netvsc.encoding.timestamps import from_text
from sim.agent import AgentProcess
from sim.cluster.controller import ControllerProcess
from sim.cluster.nodes import returned, revoked, taken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from cluster.agent.node import Status
    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster

AWAY_S = 1.0


@pytest.fixture(scope="module")
def plane() -> Iterator[Cluster]:
    with apiserver("chaos-clock") as made_plane:
        install_crd(made_plane)
        stage.install(made_plane)
        made_plane.apply(
            {"apiVersion": "netvsc.io/v1alpha1", "kind": "NetvscPool", "metadata": {"name": "pair"},
             "spec": {"nodeSelector": {"nfv": "yes"}}},
        )  # fmt: skip
        yield made_plane


@asynccontextmanager
async def agent_of(node: Node, clock: FakeClock) -> AsyncIterator[AgentProcess]:
    options = options_of(node, node.folder, node.door)
    with clock.inherited():
        started = AgentProcess(node.host, node.folder, *options)
    async with started as agent:
        yield agent


def right(status: Status) -> None:
    """One outage, as long as it was, its end after its beginning."""
    told = pair(status, ETH1)
    assert (told["revocations"], told["returns"]) == (1, 1)
    assert AWAY_S <= told["lastOutageSeconds"] < 60
    lasted = from_text(told["lastReturned"]) - from_text(told["lastRevoked"])
    assert lasted == pytest.approx(told["lastOutageSeconds"], abs=0.01)


def is_back(status: Status) -> bool:
    return bool(pair(status)["path"] == "VF" and pair(status)["returns"])


@pytest.mark.parametrize(("before", "after"), [(1, 0), (0, 1)])
def test_an_outage_during_which_the_agents_clock_is_set_takes_as_long_as_it_took(
    plane: Cluster, tmp_path: Path, before: int, after: int
) -> None:
    async def story(node: Node) -> None:
        clock = FakeClock(tmp_path, days=before)
        await node.ask()
        async with agent_of(node, clock):
            await node.status(lambda s: pair(s).get("path") == "VF", "the pair")
            node.host.revoke("eth1")
            away = await node.status(lambda s: pair(s)["path"] == "Synthetic", "revoked")
            clock.set(days=after)
            await asyncio.sleep(AWAY_S)  # the outage
            node.host.give("eth1")
            status = await node.status(is_back, "returned")
            right(status)
            assert pair(status)["lastRevoked"] == pair(away)["lastRevoked"]

    on_a_node(plane, story)


def test_an_outage_during_which_the_clock_is_set_and_the_agent_dies_takes_as_long_as_it_took(
    plane: Cluster, tmp_path: Path
) -> None:
    async def story(node: Node) -> None:
        clock = FakeClock(tmp_path, days=0)
        await node.ask()
        async with agent_of(node, clock) as agent:
            await node.status(lambda s: pair(s).get("path") == "VF", "the pair")
            node.host.revoke("eth1")
            await node.status(lambda s: pair(s)["path"] == "Synthetic", "revoked")
            agent.stop(signal.SIGKILL)
        clock.set(days=1)
        await asyncio.sleep(AWAY_S)  # the outage
        async with agent_of(node, clock):
            node.host.give("eth1")
            right(await node.status(is_back, "returned"))

    on_a_node(plane, story)


def test_a_controller_whose_clock_is_set_tells_everything_once(
    plane: Cluster, tmp_path: Path
) -> None:
    clock = FakeClock(tmp_path, days=1)

    async def story() -> None:
        with clock.inherited():
            controller = ControllerProcess(plane.layout.kubeconfig)
        async with site(plane, "clock") as here, controller:
            await made(here)
            for number, days in enumerate((0, 1, 0), start=1):
                clock.set(days=days)
                await outage(here)
                await here.told("VFReturned", times=number)
            assert (await here.events()).count("VFRevoked") == 3

    asyncio.run(story())


async def outage(here: Site) -> None:
    await here.agent.write(revoked(here.agent[0]))
    await here.becomes("False")
    await here.agent.write(returned(here.agent[0]))
    await here.agent.write(taken(here.agent[0]))
    await here.becomes("True")
