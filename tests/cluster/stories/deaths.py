"""Sudden deaths on a node: agent, controller, a pod's sidecar, the kubelet; and their return."""

from __future__ import annotations

import signal
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from cluster.deployments.full_chart import NAMESPACE
from cluster.harness import addresses
from cluster.harness.wait import until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cluster.harness import Cluster


class Victim(StrEnum):
    AGENT = "deviceplugin"  # these three are called as their containers are
    CONTROLLER = "controller"
    SIDECAR = "netvsc-fdpipe"
    KUBELET = "kubelet"


A, C, S, K = Victim.AGENT, Victim.CONTROLLER, Victim.SIDECAR, Victim.KUBELET
# Who dies in each round. The kubelet lets a sidecar wait longer after each death (10 s, 20 s …), so
# that they are few; of the others it starts a new pod at once.
SHORT: tuple[frozenset[Victim], ...] = tuple(
    frozenset(several) for several in ((), (A,), (C,), (K,), (S,), (A, S))
)
LONG = (*SHORT, *SHORT[:4] * 4, frozenset((A, C)), frozenset((S,)), frozenset((C, K)))


class Deaths:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._ctr = [str(cluster.layout.tools / "ctr"), "--address", addresses.CONTAINERD]
        self._ctr += ["--namespace", "k8s.io"]

    def strike(self, victims: Iterable[Victim]) -> None:
        """All of them at nearly once; returns when the kubelet is back, if it was among them."""
        for victim in sorted(victims, key=lambda victim: victim is Victim.KUBELET):
            if victim is Victim.KUBELET:
                self._cluster.node.restart("kubelet", how=signal.SIGKILL)
            else:
                self._kill(victim)

    def over(self) -> None:
        """Wait until everybody is at work again.

        The pods say it: a DaemonSet's own status may come ten seconds after them.
        """
        for victim in (Victim.AGENT, Victim.CONTROLLER):
            what = f"a ready pod of the {victim}"
            until(partial(self._at_work, victim), what=what, seconds=60, pause=0.2)

    def _at_work(self, victim: Victim) -> bool:
        pods = self._cluster.get("pods", *_of(victim))["items"]
        conditions = [one for pod in pods for one in pod["status"].get("conditions", ())]
        ready = [one["status"] for one in conditions if one["type"] == "Ready"]
        return ready == ["True"]

    def _kill(self, victim: Victim) -> None:
        """Asked of the runtime: what the API knows of containers may be old by now."""
        named = f'labels."io.kubernetes.container.name"=={victim}'
        found = self._cluster.node.run([*self._ctr, "containers", "list", "--quiet", named])
        for container in found.stdout.decode().split():
            kill = [*self._ctr, "tasks", "kill", "--signal", "SIGKILL", container]
            self._cluster.node.run(kill, check=False)  # one that has ended already has no task
        if victim is not Victim.SIDECAR:
            # The kubelet may have started it again by now: then two are there for a moment, the
            # new agent finds its port taken, and ten seconds pass before it is started again.
            self._cluster.kubectl("delete", "pods", *_of(victim), "--force", "--grace-period=0")


def _of(victim: Victim) -> tuple[str, ...]:
    return ("-n", NAMESPACE, "-l", f"app.kubernetes.io/name=netvsc-{victim}")
