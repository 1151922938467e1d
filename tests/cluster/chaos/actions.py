"""Carries out steps: each kind has one function, which returns when it is over."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING

from cluster.chaos import processes as own_processes
from cluster.chaos import state_folder
from cluster.chaos.processes import Who
from cluster.chaos.steps import Kind, Role, Step
from cluster.deployments.full_chart import NAMESPACE
from cluster.harness import processes
from cluster.harness.errors import ClusterError
from cluster.harness.wait import until
from cluster.stories.shared import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cluster.chaos.host import Host
    from cluster.chaos.journal import Journal
    from cluster.chaos.processes import OwnProcess
    from cluster.chaos.stage import Stage

OVERRUNS = "netvsc_netlink_overruns_total"
_MESSAGES = 6000  # of which each takes a kilobyte or two: several times what a socket holds
_COUNTED_S = 5.0
_API_PORTS = "{ 443, 6443 }"


class Actions:
    def __init__(self, stage: Stage, host: Host, journal: Journal) -> None:
        self._stage = stage
        self._cluster = stage.cluster
        self._host = host
        self._journal = journal
        self._does: dict[Kind, Callable[[Step], object]] = {
            Kind.FLAP: self._flap,
            Kind.REVOKE: lambda step: host.revoke(stage.nics[_role(step)]),
            Kind.GIVE: lambda step: host.give(stage.nics[_role(step)], step.slot),
            Kind.KILL_AGENT: lambda _: self._replaced(Who.AGENT),
            Kind.KILL_CONTROLLER: lambda _: self._replaced(Who.CONTROLLER),
            Kind.KILL_WEBHOOK: lambda _: self._replaced(Who.WEBHOOK),
            Kind.KILL_SIDECAR: self._kill_sidecar,
            Kind.KILL_KUBELET: lambda _: self._restarted("kubelet"),
            Kind.KILL_RUNTIME: lambda _: self._restarted("containerd"),
            Kind.OVERRUN: lambda _: self._overrun(),
            Kind.FULL_DISK: lambda step: state_folder.fill(self._cluster, seconds=step.seconds),
            Kind.API_CUT: self._hang_apiserver,
            Kind.CONTROLLER_CUT: self._cut_controller,
            Kind.CREATE: lambda _: self._create(),
            Kind.DELETE: lambda _: stage.delete_spare(),
        }

    def do(self, step: Step) -> None:
        self._journal.did(step.kind, str(step))
        self._does[step.kind](step)

    def _flap(self, step: Step) -> None:
        self._host.flap(self._stage.nics[_role(step)], seconds=step.seconds, slot=step.slot)

    # ---- deaths ----

    def _replaced(self, who: Who) -> None:
        """Kill one, the youngest, and take its pod away: the kubelet would let it wait longer and
        longer."""
        for victim in own_processes.find(self._cluster, who)[-1:]:
            own_processes.send(victim, signal.SIGKILL)
            self._forget(victim)

    def _forget(self, victim: OwnProcess) -> None:
        told = self._cluster.get("pods", "-n", NAMESPACE)["items"]
        names = [one["metadata"]["name"] for one in told if one["metadata"]["uid"] == victim.pod]
        gone = ("--force", "--grace-period=0", "--wait=false", "--ignore-not-found")
        if names:
            self._cluster.kubectl("delete", "pods", *names, "-n", NAMESPACE, *gone)

    def _kill_sidecar(self, step: Step) -> None:
        self._stage.records.collect()
        uid = self._stage.uids[_role(step)]
        for victim in own_processes.find(self._cluster, Who.SIDECAR, pod=uid):
            own_processes.send(victim, signal.SIGKILL)

    def _restarted(self, component: str) -> None:
        self._cluster.node.restart(component, how=signal.SIGKILL)

    # ---- troubles ----

    def _overrun(self) -> None:
        """More messages than the agent's sockets hold, while it cannot read them."""
        before = self._overruns()
        with stopped(own_processes.find(self._cluster, Who.AGENT)):
            lines = [f"link set lo alias chaos-{number}" for number in range(_MESSAGES)]
            script = "\n".join([*lines, 'link set lo alias ""', ""]).encode()
            self._cluster.node.run(["ip", "-batch", "-"], stdin=script)
        with suppress(ClusterError):  # it may have been killed meanwhile
            until(
                lambda: self._overruns() > before,
                what="the agent to count an overrun",
                seconds=_COUNTED_S,
                pause=0.1,
            )
            self._journal.did("overrun counted by the agent", "the agent has counted it")

    def _overruns(self) -> float:
        """As the agent counts them; 0 where it does not answer: it may just be starting."""
        with suppress(OSError, HTTPException):
            return sample(self._cluster, OVERRUNS)
        return 0.0

    def _hang_apiserver(self, step: Step) -> None:
        """Connections stay, and nobody answers."""
        found = [_agent_process(pid) for pid in self._cluster.node.pids("kube-apiserver")]
        # nsenter(1), which waits for it, stops with it, and would not hear of its end.
        waiting = [_agent_process(processes.parent(one.pid)) for one in found]
        try:
            with stopped(found):
                time.sleep(step.seconds)  # the trouble itself
        finally:
            for one in waiting:
                own_processes.send(one, signal.SIGCONT)

    def _cut_controller(self, step: Step) -> None:
        """What it sends to an apiserver is lost without a word."""
        told = self._cluster.get("pods", "-n", NAMESPACE)["items"]
        mine = [one for one in told if one["metadata"]["name"].startswith("netvsc-controller")]
        rules = [
            f"ip saddr {address} tcp dport {_API_PORTS} drop"
            for one in mine
            if (address := one["status"].get("podIP"))
        ]
        chain = ["type filter hook prerouting priority -400;", *rules]
        table = "\n".join(["table inet chaos {", "chain cut {", *chain, "}", "}", ""])
        self._cluster.node.run(["nft", "-f", "-"], stdin=table.encode())
        try:
            time.sleep(step.seconds)  # the trouble itself
        finally:
            self._cluster.node.run(["nft", "delete", "table", "inet", "chaos"])

    # ---- churn ----

    def _create(self) -> None:
        refused = self._stage.create_spare()
        if refused:
            self._journal.did("pod refused", f"the spare pod was refused {refused} times")


@contextmanager
def stopped(several: list[OwnProcess]) -> Iterator[None]:
    """None of them runs while the context lasts."""
    for one in several:
        own_processes.send(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in several:
            own_processes.send(one, signal.SIGCONT)


def _agent_process(pid: int) -> OwnProcess:
    return own_processes.OwnProcess(
        who=Who.AGENT, pid=pid, started=own_processes.started(pid), pod=""
    )


def _role(step: Step) -> Role:
    if step.role is None:
        raise ValueError(f"{step}: whose?")
    return step.role
