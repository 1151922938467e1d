"""The question before an uninstall: is every pair home?"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from netvsc_operator.kube import NETVSC_NODES, Kube
from netvsc_operator.uninstall import leave, verdict
from sim.cluster.objects import SimKube

Object = dict[str, Any]


def node(name: str, *, confirmed: bool, pods: tuple[str, ...] = (), seen: int = 1) -> Object:
    held = [{"namespace": "nf", "pod": pod, "container": "c", "resource": "r"} for pod in pods]
    told = {"type": "Uninstalled", "status": "True" if confirmed else "False"}
    return {
        "metadata": {"name": name, "generation": 1},
        "spec": {},
        "status": {
            "observedGeneration": seen,
            "pairs": [*({"allocation": one} for one in held), {}],
            "conditions": [told],
        },
    }


def left_of(*nodes: Object) -> list[Object]:
    """Ask all to leave with no patience beyond two looks."""
    kube = SimKube()
    for one in nodes:
        kube.put(NETVSC_NODES, one)
    ticks = iter((0.0, 0.0, 10.0))
    left = asyncio.run(leave(cast("Kube", kube), patience_s=5, clock=lambda: next(ticks)))
    assert all(one["spec"]["uninstall"] for one in kube.of(NETVSC_NODES))
    return left


def test_every_agent_is_asked_and_all_that_confirmed_may_go() -> None:
    assert left_of(node("n1", confirmed=True), node("n2", confirmed=True)) == []
    assert "no pod holds a pair" in verdict([])


def test_a_pair_that_is_out_holds_it_up_and_its_pod_is_named() -> None:
    left = left_of(node("n1", confirmed=False, pods=("fwd-0", "fwd-1")), node("n2", confirmed=True))
    assert "  n1: pod nf/fwd-0, pod nf/fwd-1\n" in verdict(left)
    assert "n2" not in verdict(left)


def test_a_confirmation_from_before_the_question_does_not_count() -> None:
    left = left_of(node("n1", confirmed=True, seen=0))
    assert "n1: its agent has not confirmed" in verdict(left)


def test_a_node_on_which_no_agent_ever_was_needs_no_confirmation() -> None:
    bare = {"metadata": {"name": "n1", "generation": 1}, "spec": {}}
    assert left_of(bare) == []
