"""The rights of hooks, which come and go, and agents of two nodes that try each other's objects.

What the standing accounts may do is in rights.json.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cluster.deployments import full_chart as chart
from cluster.harness import addresses
from cluster.stories.shared import AGENT, wait
from netvsc_deviceplugin.apiserver.access import from_kubeconfig
from netvsc_operator.kube import NETVSC_NODES, Forbidden
from sim.cluster.kubeconfig import connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from cluster.pods import Object

pytestmark = pytest.mark.cluster

STRANGER = "node2"
_NODES = "netvscnodes.netvsc.io [] []"
_KINDS = "customresourcedefinitions.apiextensions.k8s.io []"
HOOKS = {
    "netvsc-crds": [
        f"{_KINDS} [] [create]",
        f"{_KINDS} [netvscnodes.netvsc.io] [get list watch patch]",
        f"{_KINDS} [netvscpools.netvsc.io] [get list watch patch]",
    ],
    "netvsc-stay": [f"{_NODES} [get list patch]"],
    "netvsc-uninstall": [f"{_NODES} [get list watch patch]"],
}
_ROLES = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


def test_every_hooks_account_may_do_its_one_thing_and_no_more(
    cluster: Cluster, whole: Nics
) -> None:
    """They are in the cluster while helm is at work, so the rendered ones stand in here."""
    assert whole
    with _hooks_accounts(cluster) as accounts:
        assert {name: _rights(cluster, name) for name in sorted(accounts)} == HOOKS


def test_an_agent_of_another_node_writes_its_own_object_and_not_ours(
    cluster: Cluster, whole: Nics
) -> None:
    assert whole
    with _another_node(cluster):
        theirs = _token(cluster, "Node", STRANGER)
        _write(cluster, STRANGER, theirs)
        with pytest.raises(Forbidden, match=f"NetvscNode node1.* bound to node {STRANGER}"):
            _write(cluster, addresses.NODE, theirs)

        [agent] = cluster.get("pods", *chart.AGENTS)["items"]
        ours = _token(cluster, "Pod", agent["metadata"]["name"])
        with pytest.raises(Forbidden, match=f"NetvscNode {STRANGER}.* bound to node node1"):
            _write(cluster, STRANGER, ours)
        for token, node in ((theirs, STRANGER), (ours, addresses.NODE)):
            with pytest.raises(Forbidden, match="cannot patch resource"):
                _patch(cluster, node, {"spec": {"uninstall": True}}, token)


def _rights(cluster: Cluster, account: str) -> list[str]:
    """One line for each right, without those that every account has."""
    return sorted(_told(cluster, account) - _told(cluster, "default"))


def _told(cluster: Cluster, account: str) -> set[str]:
    who = f"--as=system:serviceaccount:{chart.NAMESPACE}:{account}"
    listed = cluster.kubectl("auth", "can-i", "--list", "-n", chart.NAMESPACE, "--no-headers", who)
    return {" ".join(line.split()) for line in listed.splitlines()}


@contextmanager
def _hooks_accounts(cluster: Cluster) -> Iterator[list[str]]:
    where = ("-n", chart.NAMESPACE)
    hooks = [one for one in _rendered(cluster) if "helm.sh/hook" in _annotations(one)]
    cluster.apply(*hooks, namespace=chart.NAMESPACE)
    try:
        yield [one["metadata"]["name"] for one in hooks if one["kind"] == "ServiceAccount"]
    finally:
        for one in hooks:
            cluster.kubectl("delete", one["kind"], one["metadata"]["name"], *where)


def _rendered(cluster: Cluster) -> list[Object]:
    where = ("--namespace", chart.NAMESPACE, "--kube-version", cluster.layout.release)
    text = cluster.helm("template", "netvsc", chart.CHART, *where)
    return [one for one in yaml.safe_load_all(text) if one and one["kind"] in _ROLES]


def _annotations(thing: Object) -> Object:
    found: Object = thing["metadata"].get("annotations", {})
    return found


@contextmanager
def _another_node(cluster: Cluster) -> Iterator[None]:
    """A Node without a machine, on which nothing of ours is placed: it has no labels."""
    cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": STRANGER}})
    try:
        cluster.kubectl("wait", "--for=create", f"netvscnode/{STRANGER}", "--timeout=20s")
        yield
    finally:
        cluster.kubectl("delete", "node", STRANGER)
        wait(
            lambda: STRANGER not in cluster.kubectl("get", "netvscnodes", "-o", "name"),
            f"NetvscNode {STRANGER} to go with its Node",
        )


def _token(cluster: Cluster, kind: str, name: str) -> str:
    """A token of the agent's account that is bound to an object."""
    bound = ("--bound-object-kind", kind, "--bound-object-name", name)
    token = cluster.kubectl("create", "token", AGENT, "-n", chart.NAMESPACE, *bound)
    return token.strip()


def _write(cluster: Cluster, node: str, token: str) -> None:
    """A whole status that makes sense, so that only the policy can be against it."""
    change = {"status": cluster.get("netvscnode", addresses.NODE)["status"]}
    _patch(cluster, node, change, token, part="status")


def _patch(
    cluster: Cluster, node: str, what: dict[str, Any], token: str, *, part: str | None = None
) -> None:
    """Patch as an agent does; kubectl would get the object first, which an agent may not."""
    way = replace(from_kubeconfig(cluster.layout.kubeconfig), token=token, certificate=None)

    async def patch() -> None:
        async with connected(way) as kube:
            await kube.patch(NETVSC_NODES, node, what, part=part)

    asyncio.run(patch())
