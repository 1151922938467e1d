"""Pods for pairs to move into, on a simulated host, and a kernel that brings the VF by itself."""

from __future__ import annotations

import itertools
import os
import select
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from netvsc_deviceplugin.cni.attach.attachments import Attachments
from netvsc_deviceplugin.cni.attach.checkpoint import CheckpointStore
from netvsc_deviceplugin.cni.attach.executor import PATIENCE, ExecutorConfig
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink, read_interfaces
from netvsc_deviceplugin.cni.attach.records import Target, Want
from netvsc_deviceplugin.inventory.scan import ScanSource
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.requests.linkops import Rtnl
from sim.kernel.host import Host, SimVf
from sim.kernel.links import mac_of
from sim.kernel.netns import within
from sim.kernel.rtnl import Rtnl as SimRtnl
from sim.kernel.systree import PciFacts

_pods = itertools.count(1)
_UP = 0x1


def host_of(pairs: int, *, driver: str = "mlx5_core") -> Host:
    """Make a host with an uplink, eth0, and that many pairs: eth1 with its VF vf1, and so on."""
    host = Host()
    for number in range(pairs + 1):
        name = f"eth{number}"
        host.add_netvsc(name, mac=mac_of(number + 1), guid=f"guid-{number}")
        facts = PciFacts(address=f"{number:04x}:00:02.0", driver=driver)
        host.nics[name].vf = SimVf(name=f"vf{number}", facts=facts)
        host.give(name)
    return host


def id_of(number: int) -> str:
    """Return the id of the pair eth<number>."""
    return mac_of(number + 1).replace(":", "-")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one interface is: its netns (None is home), its name, whether it is up."""

    netns: str | None
    name: str
    up: bool


class Pod:
    """A sandbox: a network namespace with an eth0 of its own; a context manager."""

    def __init__(self, host: Host) -> None:
        self.number = next(_pods)
        self.netns = f"{host.netns}-pod{self.number}"
        self.path = f"/run/netns/{self.netns}"
        self.container = f"c{self.number}"
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        self.ip = SimRtnl(self.netns)
        far = f"far{self.number}"
        self.ip.add_veth("eth0", mac="02:00:00:00:00:01", peer=far, peer_netns=host.wire)

    def target(self, attachment: str = "eth0") -> Target:
        return Target(
            container=self.container,
            netns=self.path,
            attachment=attachment,
            namespace="nf",
            pod=f"pod-{self.number}",
        )

    def end(self) -> None:
        """Remove the netns as the runtime does; veths inside die with it."""
        subprocess.run(["ip", "netns", "del", self.netns], check=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.ip.__exit__(kind, error, None)
        if Path(self.path).exists():
            self.end()


class CniHost:
    """A host with the agent's CNI component, without the agent; a context manager."""

    def __init__(self, pairs: int = 1, *, host: Host | None = None) -> None:
        with ExitStack() as stack:
            self.state = Path(tempfile.mkdtemp(prefix="sim-", dir="/tmp"))
            stack.callback(shutil.rmtree, self.state, ignore_errors=True)
            self.host = stack.enter_context(host or host_of(pairs))
            self.host_ns = stack.enter_context(within(self.host.netns, Netns.host))
            self.source = ScanSource(sysfs=self.host.sysfs, sim=True)
            self.checkpoints = CheckpointStore(self.state)
            self.attachments = self._fresh(Rtnl, PATIENCE)
            stack.callback(self._let_go)
            self.stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.stack.close()

    def restarted(
        self, *, rtnl: Callable[[Netns], Rtnl] = Rtnl, patience: float = PATIENCE
    ) -> Attachments:
        """Replace the agent's CNI component by one that has just started: it remembers nothing."""
        self._let_go()
        self.attachments = self._fresh(rtnl, patience)
        return self.attachments

    def _fresh(self, rtnl: Callable[[Netns], Rtnl], patience: float) -> Attachments:
        means = ExecutorConfig(source=self.source, rtnl=rtnl, patience=patience)
        return Attachments(host_ns=self.host_ns, config=means, checkpoints=self.checkpoints)

    def _let_go(self) -> None:
        self.attachments.sandboxes.close()

    def pod(self) -> Pod:
        return self.stack.enter_context(Pod(self.host))

    def add(self, pod: Pod, *numbers: int) -> None:
        wants = [Want(id=id_of(n), interface=f"netvsc{i}") for i, n in enumerate(numbers)]
        self.attachments.add(pod.target(), wants)

    def places(self, number: int, *pods: Pod) -> tuple[Place | None, Place | None]:
        """Return where NetVSC and VF of a pair are: at home, or in one of `pods`."""
        while True:
            found = [one for one in self.seen(*pods) if one.link.mac == mac_of(number + 1)]
            netvsc = [place(one) for one in found if one.link.parent_bus == "vmbus"]
            vf = [place(one) for one in found if one.link.parent_bus == "pci"]
            if len(netvsc) < 2 and len(vf) < 2:  # else one moved while we read
                return next(iter(netvsc), None), next(iter(vf), None)

    def seen(self, *pods: Pod) -> list[NetnsLink]:
        seen = list(read_interfaces(self.host_ns, self.source))
        for pod in pods:
            if Path(pod.path).exists():
                with Netns.open(pod.path) as space:
                    seen += read_interfaces(space, self.source)
        return seen

    def inside(self, number: int, pod: Pod, *, name: str = "netvsc0") -> bool:
        netvsc, vf = self.places(number, pod)
        return netvsc == Place(pod.netns, name, up=True) and (not vf or vf.netns == pod.netns)

    def on_host(self, number: int, *pods: Pod, vf: str | None = "") -> bool:
        """Tell whether a pair is as it was; `vf` None: it has none."""
        wanted = Place(None, f"vf{number}", up=True) if vf == "" else vf
        return self.places(number, *pods) == (Place(None, f"eth{number}", up=True), wanted)

    def altnames(self) -> set[str]:
        """Return all altnames at home: none, when nobody is away."""
        return {name for one in read_interfaces(self.host_ns, self.source) for name in one.altnames}

    def return_home(self, number: int, *, name: str | None = None, joined: bool = True) -> None:
        """The VF comes back into the host's netns, wherever its NetVSC is."""
        nic = self.host.nics[f"eth{number}"]
        assert nic.vf
        facts = nic.vf.facts
        self.host.tree.add_pci(PciFacts(address=facts.address))
        if facts.driver:
            self.host.tree.bind(self.host.tree.pci(facts.address), bus="pci", driver=facts.driver)
        index = self.host.add_link(name or nic.vf.name, mac=nic.mac)
        master = f";master={nic.mac}" if joined else ""
        self.host.ip.set_alias(index, f"sim:pci:{facts.address}{master}")

    def revoke_in(self, number: int, pod: Pod) -> None:
        """The VF goes while it is in a pod."""
        _, vf = self.places(number, pod)
        assert vf
        assert vf.netns == pod.netns
        pod.ip.delete(pod.ip.index(vf.name))
        facts = self.host.nics[f"eth{number}"].vf
        assert facts
        self.host.tree.remove_pci(facts.facts.address)


def place(one: NetnsLink) -> Place:
    return Place(one.link.netns, one.link.name, bool(one.link.flags & _UP))


@contextmanager
def kernel_that_brings_vfs(cni: CniHost, pod: Pod) -> Iterator[None]:
    """Move each VF to where its NetVSC came up, as netvsc_open does on newer kernels."""
    done, stop = os.pipe()
    sockets = [within(netns, _listening) for netns in (pod.netns, cni.host.netns)]
    thread = threading.Thread(target=_bring, args=(cni, pod, sockets, done))
    thread.start()
    try:
        yield
    finally:
        os.write(stop, b".")
        thread.join()
        for sock in sockets:
            sock.close()
        os.close(done)
        os.close(stop)


def _listening() -> socket.socket:
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
    sock = socket.socket(socket.AF_NETLINK, kind, socket.NETLINK_ROUTE)
    sock.bind((0, 1))
    return sock


def _bring(cni: CniHost, pod: Pod, sockets: list[socket.socket], done: int) -> None:
    while True:
        watched: list[socket.socket | int] = [*sockets, done]
        if done in select.select(watched, [], [])[0]:
            return
        for sock in sockets:
            with suppress(OSError):
                while sock.recv(1 << 16):
                    pass
        for number in range(len(cni.host.nics)):
            _follow(cni, pod, number)


def _follow(cni: CniHost, pod: Pod, number: int) -> None:
    netvsc, vf = cni.places(number, pod)
    if not netvsc or not vf or not netvsc.up or vf.netns == netvsc.netns:
        return
    source, to = (cni.host.ip, pod.netns) if vf.netns is None else (pod.ip, cni.host.netns)
    with suppress(LookupError, OSError):  # somebody was faster
        source.move(source.index(vf.name), to, name="eth%d")
