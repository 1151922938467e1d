"""What a story is told with: a pod as its owner writes it, a VF with a seat, a look at everything.

Every wait is bounded, and every time that somebody may care for is printed.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster import testpmd
from cluster.deployments.sidecar_only import echoes
from cluster.deployments.simulated_nics import NICS, Nic
from cluster.harness import addresses
from cluster.harness.wait import until
from cluster.pods import pod

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cluster.deployments.simulated_nics import Nics
    from cluster.harness import Cluster
    from cluster.pods import Object, Pods

FORWARDER = "fwd"
PAIR = "netvsc.io/pair"
ACCELERATED = "netvsc.io/Accelerated"
EVENTS = "events.events.k8s.io"
HOME_SLOT, SLOTS = 2, range(2, 10)
# What stands for hugepages, telemetry and lcores of one's own, which a test machine lacks.
_EAL = ("-l", "0,1", "--no-huge", "-m", "256", "--no-shconf", "--no-telemetry", "-d", "/fakevf.so")
_APPLICATION = ("--forward-mode=macswap", "--total-num-mbufs=4096", "--no-mlockall")


def forwarder(name: str = FORWARDER, *, pairs: int = 1) -> Object:
    """Stock testpmd as its owner writes it: nothing of this project but the one limit."""
    container = {
        "name": FORWARDER,
        "image": testpmd.IMAGE,
        "command": ["dpdk-testpmd"],
        "args": [*_EAL, "--", *_APPLICATION],
        "stdin": True,  # testpmd ends where its standard input does
        "resources": {"limits": {PAIR: pairs}} if pairs else {},
        "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
    }
    return pod(name, container)


@dataclass(frozen=True, slots=True)
class Vf(Nic):
    """A NIC whose VF is in some slot. Its name stands for its address, as in `dpdk.pod`.

    So an application that was told of a place where the VF is no more does not find it.
    """

    slot: int = HOME_SLOT

    @property
    def vf(self) -> str:
        home = f"v{self.name}"
        return home if self.slot == HOME_SLOT else f"{home}at{self.slot}"


def seated(nic: Nic, slot: int) -> Vf:
    return Vf(name=nic.name, mac=nic.mac, guid=nic.guid, pci=nic.pci_at(slot), slot=slot)


@contextmanager
def timed(what: str) -> Iterator[None]:
    since = time.monotonic()
    try:
        yield
    finally:
        took(what, since)


def took(what: str, since: float) -> None:
    print(f"{what}: {time.monotonic() - since:.2f} s", flush=True)


class Story:
    """One forwarder, the pair that it was given, and what each party says of them."""

    def __init__(self, cluster: Cluster, nics: Nics, pods: Pods) -> None:
        self.cluster = cluster
        self.pods = pods
        self._nics = nics
        self.vf = self._given()
        self._born = self._life()

    # ---- what the host does ----

    def revoke(self) -> None:
        self._nics.revoke(self.vf)

    def give(self, slot: int) -> None:
        """The VF comes back in a slot, in the host's network."""
        self.vf = seated(self.vf, slot)
        self._nics.give(self.vf)

    def inside(self) -> set[str]:
        """The netdevs of the pod: of the network namespace in which the pair's NetVSC is."""
        for space in self.cluster.node.run(["ls", "/run/netns"]).stdout.decode().split():
            told = self.cluster.node.run(["ip", "-n", space, "-json", "link"], check=False).stdout
            found = {link["ifname"]: link.get("address") for link in json.loads(told or "[]")}
            if self.vf.mac in found.values():
                return {*found}
        return set()

    # ---- frames ----

    def forwards_on_vf(self) -> bool:
        return echoes(self.cluster, self.vf.vf)

    def forwards_on_fallback(self) -> bool:
        """Seen on the NetVSC's wire: while there is a VF, what comes in there goes out over it."""
        return echoes(self.cluster, self.vf.name)

    # ---- what people see ----

    def status(self) -> Object:
        """The pair in NetvscNode."""
        pairs = self.cluster.get("netvscnode", addresses.NODE)["status"]["pairs"]
        found: Object = next(pair for pair in pairs if pair["id"] == self.vf.id)
        return found

    def wait_condition(self, status: str) -> None:
        """As `kubectl wait` sees it, which watches."""
        self.pods.wait(FORWARDER, f"condition={ACCELERATED}={status}")

    def wait_reason(self, reason: str) -> None:
        """The sidecar is quicker than the agent: for a moment the condition may tell its half."""
        there = f'{{.status.conditions[?(@.type=="{ACCELERATED}")].reason}}'
        self.pods.wait(FORWARDER, f"jsonpath={there}={reason}")

    def wait_status(self, *, path: str, announcement: str) -> Object:
        def there() -> Object | None:
            now = self.status()
            said = now.get("announcement", {}).get("state")
            return now if (now["path"], said) == (path, announcement) else None

        what = f"NetvscNode to say {path} and {announcement}"
        return until(there, what=what, seconds=20, pause=0.2)

    def told(self, reason: str) -> list[str]:
        """The notes of the pod's Events of one reason, oldest first."""
        chosen = f"--field-selector=reason={reason}"
        events = self.cluster.get(EVENTS, "-n", self.pods.namespace, chosen)["items"]
        events.sort(key=lambda event: str(event["eventTime"]))
        return [event["note"] for event in events if event["regarding"]["name"] == FORWARDER]

    def wait_told(self, reason: str, times: int = 1) -> str:
        what = f"{times} Events {reason} of the pod"
        return until(lambda: self.told(reason)[times - 1 :], what=what, seconds=20, pause=0.2)[-1]

    def wait_free(self) -> None:
        what = "NetvscNode to say that nobody holds the pair"
        until(lambda: "allocation" not in self.status(), what=what, seconds=20, pause=0.2)

    def same_application(self) -> bool:
        """Whether the application's container is the one that was there when the story began."""
        return self._life() == self._born

    def _life(self) -> tuple[Any, ...]:
        now = self.pods.status(FORWARDER, FORWARDER)
        running = now["state"].get("running", {})
        return now["restartCount"], now["containerID"], running.get("startedAt")

    def _given(self) -> Vf:
        """The pair whose NetVSC is no longer at home."""
        home = self._nics.on_host()
        [nic] = [nic for nic in NICS if nic.name not in home]
        return seated(nic, HOME_SLOT)
