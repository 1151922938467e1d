"""The pods of one act: who has which pair, and who they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cluster.chaos.records import Records
from cluster.chaos.seen import Life, Truth
from cluster.chaos.steps import APPLICATIONS, Role
from cluster.deployments.agent_only import REPOSITORY, TAG
from cluster.deployments.simulated_nics import NICS
from cluster.harness import project
from cluster.harness.errors import ClusterError
from cluster.harness.wait import until
from cluster.pods import container, pod
from cluster.stories.shared import pairs, prepared
from cluster.stories.story import PAIR, forwarder

if TYPE_CHECKING:
    from cluster.chaos.host import Host
    from cluster.deployments.simulated_nics import Nic, Nics
    from cluster.harness import Cluster
    from cluster.pods import Object

_PATIENCE_S = 60.0


def witness() -> Object:
    """Its program is an interpreter's, so it says where EAL's arguments go."""
    main: Object = {
        "name": Role.WITNESS,
        "image": f"{REPOSITORY}:{TAG}",
        "command": ["/opt/netvsc/bin/python", "-m", "cluster.chaos.witness"],
        "args": ["$(NETVSC_EAL_ARGS)"],
        "env": [{"name": "PYTHONPATH", "value": "/tests"}],
        "resources": {"limits": {PAIR: 1}},
        "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
        "volumeMounts": [{"name": "tests", "mountPath": "/tests", "readOnly": True}],
    }
    tests = {"name": "tests", "hostPath": {"path": str(project.ROOT / "tests")}}
    metadata = {"annotations": {"netvsc.io/gate": "immediate"}}
    return pod(Role.WITNESS, main, metadata=metadata, volumes=[tests])


def spare() -> Object:
    """A pod that has a pair and no DPDK."""
    metadata = {"annotations": {"netvsc.io/mode": "none"}}
    return pod(Role.SPARE, container("main", "sleep", "infinity", resource=PAIR), metadata=metadata)


class Stage:
    def __init__(self, cluster: Cluster, namespace: str, nics: Nics) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.pods = prepared(cluster, namespace, nics)
        self.records = Records(cluster, namespace)
        self.holders: set[Role] = set()
        self.uids = self.records.uids
        self.opened = 0  # when the act began, by the clock of `reads`
        self.nics: dict[Role, Nic] = dict(zip(Role, NICS, strict=True))
        self.born: dict[Role, Life] = {}

    def open(self) -> None:
        """Both applications run, and each has a pair."""
        self.opened = time.monotonic_ns()
        for made in (forwarder(Role.FORWARDER), witness()):
            self.pods.create(made)
        for role in APPLICATIONS:
            self.pods.wait(role, "condition=Ready")
            self.uids[role] = self.pods.get(role)["metadata"]["uid"]
        self.holders = {*APPLICATIONS}
        until(self._allocated, what="both pairs in NetvscNode", seconds=_PATIENCE_S, pause=0.2)

    def close(self) -> None:
        """All pods go."""
        self.records.collect()
        where = ("-n", self.namespace, "--wait", "--timeout=90s")
        self.cluster.kubectl("delete", "pods", "--all", *where)
        self.holders, self.born = set(), {}

    def create_spare(self) -> int:
        """Until it is taken: without a webhook it is refused. Return how often it was."""
        gone = ("--for=delete", f"pod/{Role.SPARE}", "-n", self.namespace, "--timeout=60s")
        self.cluster.kubectl("wait", *gone)  # the one before it has its name
        refusals = 0

        def taken() -> bool:
            nonlocal refusals
            try:
                self.pods.create(spare())
            except ClusterError:
                refusals += 1
                return False
            return True

        until(taken, what="the spare pod to be taken", seconds=_PATIENCE_S, pause=0.3)
        self.holders |= {Role.SPARE}
        return refusals

    def delete_spare(self) -> None:
        where = ("-n", self.namespace, "--wait=false", "--ignore-not-found")
        self.cluster.kubectl("delete", "pod", Role.SPARE, *where)
        self.holders -= {Role.SPARE}

    def replace_denied(self) -> bool:
        """Do what a Deployment does for a pod that the kubelet would not have.

        A kubelet that has just started denies a pod that was bound to its node meanwhile, for no
        plugin has registered with it yet: that pod has failed for good.
        """
        if Role.SPARE not in self.holders:
            return False
        what = "the spare pod to be started or denied"
        status = until(self._spare_decided, what=what, seconds=_PATIENCE_S, pause=0.2)
        if status.get("reason") != "UnexpectedAdmissionError":
            return False
        self.cluster.kubectl("delete", "pod", Role.SPARE, "-n", self.namespace, "--wait")
        self.create_spare()
        return True

    def truth(self, host: Host) -> Truth:
        return Truth(
            namespace=self.namespace,
            nics=host.truth(self.nics),
            holders=frozenset(self.holders),
            born=self.born,
        )

    def _spare_decided(self) -> Object | None:
        status: Object = self.pods.get(Role.SPARE)["status"]
        return status if status.get("phase") != "Pending" else None

    def _allocated(self) -> bool:
        """NetvscNode says who has what; the third pair is nobody's."""
        held = {
            one["allocation"]["pod"]: name
            for name, one in pairs(self.cluster).items()
            if one.get("allocation", {}).get("namespace") == self.namespace
        }
        if held.keys() != {*APPLICATIONS}:
            return False
        by_id = {nic.id: nic for nic in NICS}
        self.nics = {role: by_id.pop(held[role]) for role in APPLICATIONS}
        self.nics[Role.SPARE] = by_id.popitem()[1]
        return True


def restarts_of(one: Object) -> int:
    """Of a pod's application; its sidecar may be started anew."""
    return sum(status["restartCount"] for status in one["status"]["containerStatuses"])
