"""One cluster, from nothing to a Ready node and back to nothing."""

from __future__ import annotations

import fcntl
import json
import secrets
import shutil
import socket
import subprocess
from contextlib import contextmanager
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from cluster.harness import addresses, build, cgroups, config, namespaces, pki
from cluster.harness.components import table
from cluster.harness.errors import ClusterError
from cluster.harness.images import archive
from cluster.harness.keeper import Keeper
from cluster.harness.layout import DEFAULT_RELEASE, layout
from cluster.harness.node import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from cluster.harness.images import Content, Start


CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager")


class Parts(Enum):
    """How much of a cluster: with its node, or what answers for the API alone."""

    ALL = auto()
    CONTROL_PLANE = auto()


class Cluster:
    """Several clusters may run side by side, each under a name of its own."""

    def __init__(self, *, name: str, release: str = DEFAULT_RELEASE) -> None:
        self.layout = layout(name, release=release)
        self.node = Node(self.layout)
        self._keeper: Keeper | None = None

    def up(self, *, kept: bool = False, parts: Parts = Parts.ALL) -> None:
        """From nothing to a Ready node; what an earlier run left behind is swept first.

        Unless `kept`, the cluster ends with the calling process, however that one ends.
        """
        build.everything(self.layout)
        with self._locked():
            self._sweep()
            generation = self._prepare()
            if not kept:
                self._keeper = Keeper(self.layout, generation=generation)
            self._lay_out()
            self._start(parts)

    def down(self) -> None:
        """Leave no trace. Safe to call at any time and more than once."""
        with self._locked():
            self._sweep()
        if self._keeper:
            self._keeper.dismiss()
            self._keeper = None

    def down_if(self, *, generation: str) -> None:
        """The keeper's way: end that very cluster, not one that was started since."""
        with self._locked():
            mark = self.layout.run / "generation"
            if mark.exists() and mark.read_text() == generation:
                self._sweep()

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return self._client(self.layout.kubernetes / "kubectl", arguments, stdin, check=check)

    def helm(self, *arguments: str, check: bool = True) -> str:
        return self._client(self.layout.tools / "helm", arguments, None, check=check)

    def _client(
        self, program: Path, arguments: Sequence[str], stdin: str | None, *, check: bool
    ) -> str:
        done = subprocess.run(
            [str(program), *arguments],
            check=False,
            capture_output=True,
            text=True,
            input=stdin,
            env=namespaces.environment(
                KUBECONFIG=str(self.layout.kubeconfig),
                HELM_CACHE_HOME=str(self.layout.run / "helm"),
            ),
        )
        if check and done.returncode:
            said = f"{program.name} {' '.join(arguments)}: {done.stderr.strip()}"
            raise ClusterError(said)
        return done.stdout

    def get(self, *what: str) -> dict[str, Any]:
        """`kubectl get … -o json`."""
        found: dict[str, Any] = json.loads(self.kubectl("get", *what, "-o", "json"))
        return found

    def apply(self, *objects: dict[str, Any], namespace: str = "default") -> None:
        several = {"apiVersion": "v1", "kind": "List", "items": objects}
        self.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(several))

    def image(self, name: str, files: Mapping[str, Content], start: Start | None = None) -> None:
        """Pack files into an image and give it to the node. Its pods must not pull: use a tag."""
        self.load(archive(name, files, start=start))

    def load(self, tar: bytes) -> None:
        """An OCI archive, into the namespace the kubelet looks in."""
        ctr = [str(self.layout.tools / "ctr"), "--address", addresses.CONTAINERD]
        self.node.run([*ctr, "--namespace", "k8s.io", "images", "import", "-"], stdin=tar)

    def logs(self, component: str, *, lines: int = 40) -> str:
        return self.node.log(component, lines=lines)

    def _prepare(self) -> str:
        """Everything that is only files."""
        here = self.layout
        for folder in (here.logs, here.conf, here.kubelet, here.run / "node/etc/cni/net.d"):
            folder.mkdir(parents=True)
        generation = secrets.token_hex(8)
        (here.run / "generation").write_text(generation)
        pki.make(here.pki)
        (here.conf / "kubelet.json").write_text(config.kubelet(here))
        (here.conf / "kube-proxy.json").write_text(config.kube_proxy(here))
        (here.conf / "containerd.toml").write_text(config.containerd(here))
        (here.conf / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        (here.run / "node" / config.CONFLIST).write_text(config.conflist())
        return generation

    def _lay_out(self) -> None:
        cgroups.make(self.layout.cgroup)
        self.node.lay_out()
        with socket.create_server(("127.0.0.1", 0)) as door:
            self._write_users(port=door.getsockname()[1])
            door.set_inheritable(True)
            target = (addresses.NODE_ADDRESS, str(addresses.APISERVER_PORT))
            argv = namespaces.python("forward", str(door.fileno()), *target)
            log = self.layout.logs / "forward.log"
            namespaces.detach(
                namespaces.entered(self.node.pid, argv), log=log, keep=[door.fileno()]
            )

    def _write_users(self, *, port: int) -> None:
        given = pki.tokens()
        (self.layout.pki / "tokens.csv").write_text(pki.token_file(given))
        inside = f"https://{addresses.NODE_ADDRESS}:{addresses.APISERVER_PORT}"
        ways = {
            self.layout.conf / f"{user}.kubeconfig": (inside, token)
            for user, token in given.items()
        } | {self.layout.kubeconfig: (f"https://127.0.0.1:{port}", given["admin"])}
        for path, (server, token) in ways.items():
            path.touch(mode=0o600)
            authority = self.layout.pki / "ca.crt"
            path.write_text(pki.kubeconfig(server=server, authority=authority, token=token))

    def _start(self, parts: Parts) -> None:
        for name in table(self.layout):
            if parts is Parts.ALL or name in CONTROL_PLANE:
                self.node.start(name)
            if name == "containerd" and parts is Parts.ALL:
                self._load_images()
        if parts is Parts.ALL:
            self._wait("--for=create", f"node/{addresses.NODE}")
            self._wait("--for=condition=Ready", f"node/{addresses.NODE}")
        self._wait("--for=create", "serviceaccount/default")

    def _load_images(self) -> None:
        for image in build.base_images(self.layout):
            self.load(image)

    def _wait(self, condition: str, target: str) -> None:
        self.kubectl("wait", condition, target, "--timeout=90s")

    def _sweep(self) -> None:
        """Ask the kernel and the disk what is left, and remove that."""
        self.node.demolish()
        cgroups.remove(self.layout.cgroup)
        if self.layout.logs.exists():
            shutil.rmtree(self.layout.last_logs, ignore_errors=True)
            shutil.copytree(self.layout.logs, self.layout.last_logs, symlinks=True)
        if self.layout.run.exists():
            shutil.rmtree(self.layout.run)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time: a keeper may still be sweeping when the next run begins."""
        self.layout.lock.parent.mkdir(parents=True, exist_ok=True)
        with self.layout.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
