"""The agent and its NetvscNode, with a real apiserver: the spec arrives, the status is told."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

import pytest

from cluster.agent.node import (
    ETH1,
    ETH2,
    PAIR,
    POOL,
    Node,
    Status,
    condition,
    install_crd,
    on_a_node,
    pair,
)
from cluster.apiserver import apiserver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.harness import Cluster

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def plane() -> Iterator[Cluster]:
    with apiserver("agent-node") as made:
        install_crd(made)
        yield made


def two_pairs(status: Status) -> bool:
    return len(status.get("pairs", ())) == 2


def test_a_spec_becomes_pairs_that_the_kubelet_hears_of_and_the_status_tells(
    plane: Cluster,
) -> None:
    async def story(node: Node) -> None:
        async with node.agent() as agent:
            await agent.said("there is no NetvscNode")
            assert agent.get("/readyz") == (200, "ok\n")
            await node.ask()
            await node.devices(2)
            assert [len(message.devices) for message in node.kubelet.messages(PAIR)] == [2]
            status = await node.status(
                lambda found: condition(found, "Ready")["reason"] == "Registered", "ready"
            )
            assert status["summary"] == {"pairs": 2, "free": 2, "onVf": 2, "revoked24h": 0}
            assert status["observedGeneration"] == 1
            assert (pair(status)["netvsc"], pair(status)["vf"]["pci"]) == ("eth1", "9b33:00:02.0")
            assert [one["reason"] for one in status["excluded"]] == ["DefaultRoute"]
            truths = {one["type"]: one["status"] for one in status["conditions"]}
            assert truths == {
                "PodResources": "True",
                "PoolsAccepted": "True",
                "Ready": "True",
                "Unmatched": "False",
            }

    on_a_node(plane, story)


def test_a_revocation_and_a_return_are_told_within_a_second(plane: Cluster) -> None:
    async def story(node: Node) -> None:
        await node.ask()
        async with node.agent():
            before = await node.status(two_pairs, "both pairs")
            began = time.monotonic()
            node.host.revoke("eth1")
            status = await node.status(lambda s: pair(s)["path"] == "Synthetic", "revoked")
            revoked_in = time.monotonic() - began
            assert pair(status)["lastVf"] == pair(before)["vf"]
            assert (pair(status)["revocations"], status["summary"]["revoked24h"]) == (1, 1)
            await asyncio.sleep(1.0)
            began = time.monotonic()
            node.host.give("eth1", pci="9b33:00:03.0")
            status = await node.status(lambda s: pair(s)["path"] == "VF", "returned")
            returned_in = time.monotonic() - began
            assert (pair(status)["vf"]["pci"], pair(status)["returns"]) == ("9b33:00:03.0", 1)
            assert pair(status)["lastOutageSeconds"] > 1.0
            print(f"told: revoked after {revoked_in:.2f} s, returned after {returned_in:.2f} s")
            assert max(revoked_in, returned_in) < 1.0

    on_a_node(plane, story)


def test_who_holds_a_pair_is_told(plane: Cluster) -> None:
    async def story(node: Node) -> None:
        await node.ask()
        async with node.agent():
            await node.devices(2)
            await node.kubelet.allocate(PAIR, ETH1)
            node.kubelet.admit("fwd-0", PAIR, ETH1)
            status = await node.status(lambda s: pair(s).get("allocation"), "held")
            assert pair(status)["allocation"] == {
                "namespace": "default",
                "pod": "fwd-0",
                "container": "main",
                "resource": PAIR,
            }
            assert status["summary"]["free"] == 1

    on_a_node(plane, story)


def test_an_agent_and_a_kubelet_that_start_together_do_not_forget_who_holds_a_pair(
    plane: Cluster,
) -> None:
    """A kubelet that has just started lists no pod at all, on a busy node for many seconds."""

    async def story(node: Node) -> None:
        await node.ask()
        async with node.agent() as agent:
            await node.devices(2)
            await node.kubelet.allocate(PAIR, ETH1)
            node.kubelet.admit("fwd-0", PAIR, ETH1)
            await node.status(lambda s: pair(s).get("allocation"), "held")
            agent.stop(signal.SIGKILL)
        node.kubelet.blank = True
        node.host.revoke("eth1")
        async with node.agent():
            status = await node.status(lambda s: pair(s)["revocations"] == 1, "revoked")
            assert pair(status)["allocation"]["pod"] == "fwd-0"
            node.kubelet.end("fwd-0")
            node.kubelet.blank = False
            await node.status(lambda s: not pair(s).get("allocation"), "it ended meanwhile")

    on_a_node(plane, story)


@pytest.mark.parametrize("disk", ["its copy on disk", "the apiserver alone"])
def test_a_killed_agent_counts_on_and_what_it_missed_counts_once(plane: Cluster, disk: str) -> None:
    async def story(node: Node) -> None:
        await node.ask()
        async with node.agent() as agent:
            await node.status(two_pairs, "both pairs")
            node.host.revoke("eth1")
            await node.status(lambda s: pair(s)["path"] == "Synthetic", "revoked")
            agent.stop(signal.SIGKILL)
        node.host.give("eth1", pci="9b33:00:03.0")
        node.host.revoke("eth2")
        if disk == "the apiserver alone":
            (node.folder / "state/netvscnode.json").unlink()
        async with node.agent():
            status = await node.status(lambda s: pair(s).get("returns"), "went on")
            assert (pair(status)["revocations"], pair(status)["returns"]) == (1, 1)
            assert pair(status)["lastOutageSeconds"] > 0
            lost = pair(status, ETH2)
            assert (lost["revocations"], lost.get("returns"), lost["vfSeen"]) == (1, 0, "lost")
            assert (lost["lastVf"]["pci"], lost["numaNode"]) == ("d5f1:00:02.0", 0)
            assert status["summary"]["revoked24h"] == 2

    on_a_node(plane, story)


def test_while_the_apiserver_is_away_the_node_works_and_the_status_is_told_later(
    plane: Cluster,
) -> None:
    async def story(node: Node) -> None:
        await node.ask()
        async with node.agent() as agent:
            await node.status(two_pairs, "both pairs")
            await asyncio.to_thread(plane.node.stop, "kube-apiserver")
            node.host.revoke("eth1")
            await agent.said("does not answer")
            answer = await node.kubelet.allocate(PAIR, ETH2)
            assert answer.envs["NETVSC_PAIRS"]
            await asyncio.sleep(15.0)
            assert agent.get("/readyz") == (200, "ok\n")
            await asyncio.to_thread(plane.node.start, "kube-apiserver")
            began = time.monotonic()
            status = await node.status(lambda s: pair(s)["path"] == "Synthetic", "told later")
            assert pair(status)["revocations"] == 1
            assert time.monotonic() - began < 11.0  # seconds: the longest pause, and a write

    on_a_node(plane, story)


def test_an_agent_that_starts_while_the_apiserver_is_away_uses_its_copy(plane: Cluster) -> None:
    async def story(node: Node) -> None:
        await node.ask()
        async with node.agent():
            await node.status(two_pairs, "both pairs")
        await node.kubelet.gone(PAIR)
        node.door.shut()
        async with node.agent() as agent:
            registered = await node.kubelet.registered(PAIR, since=agent.started)
            assert registered - agent.started < 3.0
            await node.devices(2)
            assert agent.get("/readyz") == (200, "ok\n")
            await node.ask(pools=[{**POOL, "selector": {"interfaces": ["eth2"]}}])
            await node.door.open()
            await node.devices(1)

    on_a_node(plane, story)


def test_without_copy_and_apiserver_nothing_is_offered_and_readiness_says_why(
    plane: Cluster,
) -> None:
    async def story(node: Node) -> None:
        await node.ask()
        node.door.shut()
        async with node.agent() as agent:
            await agent.said("does not answer")
            status, page = agent.get("/readyz")
            assert status == 503
            assert f"node: NetvscNode {node.name}: GET" in page
            assert node.kubelet.registrations(PAIR) == []
            await node.door.open()
            await node.devices(2)
            await agent.until(lambda one: one.get("/readyz")[0] == 200, "ready")

    on_a_node(plane, story)


def test_pools_that_are_refused_leave_the_good_ones_in_force_and_the_rest_holds(
    plane: Cluster,
) -> None:
    async def story(node: Node) -> None:
        await node.ask()
        async with node.agent() as agent:
            await node.status(two_pairs, "both pairs")
            foreign = [{"interface": "eth2", "owner": "dra.net", "state": "allocated"}]
            twins = [POOL, {**POOL, "name": "other"}]
            await node.ask(pools=twins, foreign=foreign)
            status = await node.status(
                lambda s: condition(s, "PoolsAccepted")["status"] == "False", "refused"
            )
            why = condition(status, "PoolsAccepted")["message"]
            assert why.startswith("spec.pools[1].resource: 'netvsc.io/pair' is pools[0]'s already")
            status = await node.status(lambda s: len(s["pairs"]) == 1, "the foreign one is out")
            assert pair(status)["id"] == ETH1
            reasons = {one["interface"]: one["reason"] for one in status["excluded"]}
            assert reasons["eth2"] == "ForeignAllocated"
            await node.devices(1)
            assert (await agent.said("pools[1].resource"))["level"] == "error"
            await node.ask()
            await node.status(lambda s: condition(s, "PoolsAccepted")["status"] == "True", "good")
            await node.devices(2)

    on_a_node(plane, story)


def test_a_pool_that_names_what_is_not_there_is_told(plane: Cluster) -> None:
    async def story(node: Node) -> None:
        selector = {
            "interfaces": ["eth1", "eth9"],
            "macs": ["00:0d:3a:c0:00:11", "00:0d:3a:c0:00:99"],
        }
        await node.ask(pools=[{**POOL, "selector": selector}])
        async with node.agent():
            status = await node.status(lambda s: s.get("pairs"), "one pair")
            assert status["pools"][0]["unmatched"] == ["00:0d:3a:c0:00:99", "eth9"]
            assert condition(status, "Unmatched")["status"] == "True"

    on_a_node(plane, story)


def test_others_who_write_the_object_meanwhile_cost_no_status(plane: Cluster) -> None:
    async def story(node: Node) -> None:
        await node.ask()
        stop = asyncio.Event()

        async def meddle() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                note = f"netvsc.io/told={number}"
                words = ("annotate", f"netvscnode/{node.name}", note, "--overwrite")
                await asyncio.to_thread(plane.kubectl, *words)

        async with node.agent():
            await node.status(two_pairs, "both pairs")
            meddler = asyncio.create_task(meddle())
            for number in range(5):
                node.host.revoke("eth1")
                await node.status(lambda s: pair(s)["path"] == "Synthetic", f"revoked {number}")
                node.host.give("eth1", pci="9b33:00:02.0")
                await node.status(lambda s: pair(s)["path"] == "VF", f"returned {number}")
            stop.set()
            await meddler
            whole = await node.read()
            assert pair(whole["status"])["revocations"] == 5
            assert "netvsc.io/told" in whole["metadata"]["annotations"]

    on_a_node(plane, story)


def test_a_vanished_apiserver_is_noticed_and_a_new_object_gets_its_status(plane: Cluster) -> None:
    """Deleted and made anew, as when a CRD is installed again."""

    async def story(node: Node) -> None:
        await node.ask()
        async with node.agent():
            await node.status(two_pairs, "both pairs")
            await asyncio.to_thread(plane.kubectl, "delete", f"netvscnode/{node.name}")
            await node.devices(2)
            await node.ask()
            await node.status(two_pairs, "told anew")

    on_a_node(plane, story)


def test_nine_hundred_flaps_are_told_in_few_writes_and_counted_all(plane: Cluster) -> None:
    async def story(node: Node) -> None:
        await node.ask()
        async with node.agent() as agent:
            await node.status(two_pairs, "both pairs")
            before, began = await node.writes(), time.monotonic()
            for _ in range(900):
                node.host.revoke("eth1")
                node.host.give("eth1", pci="9b33:00:02.0")
                await asyncio.sleep(0.01)  # seconds between flaps: a storm, not a wait
            took = time.monotonic() - began
            status = await node.status(lambda s: pair(s)["returns"] == 900, "all of them")
            assert (pair(status)["revocations"], status["summary"]["revoked24h"]) == (900, 900)
            writes = await node.writes() - before
            print(f"900 flaps in {took:.1f} s: {writes} writes, {agent.cpu():.2f} s of CPU")
            assert writes <= 2 * took + 3

    on_a_node(plane, story)


def test_an_asked_uninstall_is_confirmed_where_nothing_is_installed(plane: Cluster) -> None:
    async def story(node: Node) -> None:
        await node.ask()
        async with node.agent():
            status = await node.status(two_pairs, "both pairs")
            assert condition(status, "Uninstalled") == {}
            await node.ask(uninstall=True)
            status = await node.status(lambda s: condition(s, "Uninstalled"), "confirmed")
            assert condition(status, "Uninstalled")["reason"] == "NothingInstalled"

    on_a_node(plane, story)
