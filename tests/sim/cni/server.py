"""The agent's CNI server on a simulated host, and the shim as the runtime calls it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from netvsc.errors import RetryError
from netvsc_deviceplugin.cni.deferred import DeferredAttachments
from netvsc_deviceplugin.cni.deferred_calls import DeferredCalls
from netvsc_deviceplugin.cni.server import serving
from netvsc_deviceplugin.cni.service import Service
from netvsc_deviceplugin.kubelet.podresources import PodDevices, Pods
from sim.cni.calls import CniHost, Pod, id_of
from sim.sidecar.fdpipe import binary

PREVIOUS: dict[str, Any] = {
    "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/x"}],
    "ips": [{"address": "10.1.0.7/24", "gateway": "10.1.0.1", "interface": 0}],
    "dns": {},
}
INTERFACES = "netvsc.io/interfaces"


@dataclass(frozen=True, slots=True)
class Said:
    """What the shim said: its exit code and what it printed."""

    code: int
    body: Any

    @property
    def error(self) -> int:
        """The code of a CNI error; fails if there was none."""
        assert self.code == 1, self
        assert set(self.body) >= {"cniVersion", "code", "msg"}, self
        return int(self.body["code"])


class Counts:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def cni_called(self, verb: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append((verb, outcome))


class CniServer:
    """A context manager; `devices` is what the kubelet says of any pod, None: it says nothing.

    `listed` are the pods, by container id, that it lists when it is asked of all.
    """

    def __init__(self, cni: CniHost) -> None:
        self.devices: tuple[PodDevices, ...] | None = ()
        self.listed: set[str] = set()
        self.now = 100.0  # seconds of the clock by which late pairs are looked at
        self.deferred_calls = DeferredCalls(cni.state)
        self.meter = Counts()
        self._cni = cni
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def give(self, *numbers: int, container: str = "fwd", resource: str = "netvsc.io/pair") -> None:
        """Let the kubelet say that a container has these pairs."""
        ids = tuple(id_of(number) for number in numbers)
        one = PodDevices(container=container, resource=resource, ids=ids)
        self.devices = (*(self.devices or ()), one)

    def settle(self) -> bool:
        """Let the agent look at the calls that were passed on; tell whether some are left."""
        return asyncio.run_coroutine_threadsafe(self._deferred.settle(), self._loop).result(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        service = Service(
            self._cni.attachments,
            ask=self._ask,
            prefixes=lambda: {"netvsc.io/fast": "fast"},
            meter=self.meter,
            deferred_calls=self.deferred_calls,
        )
        self._deferred = DeferredAttachments(
            self.deferred_calls,
            checkpoints=self._cni.checkpoints,
            service=service,
            ask=self._ask_all,
            clock=lambda: self.now,
        )
        async with serving(self._cni.state / "cni.sock", service.answer):
            self._ready.set()
            await self._stop.wait()
        service.close()

    async def _ask(self, namespace: str, pod: str) -> tuple[PodDevices, ...]:
        assert namespace
        assert pod
        if self.devices is None:
            raise RetryError("the kubelet is away")
        return self.devices

    async def _ask_all(self) -> Pods:
        found = await self._ask("nf", "any")
        return {("nf", container): found for container in self.listed}


def config(state: Path, version: str = "1.1.0", **more: Any) -> dict[str, Any]:
    """Return a network configuration as the runtime hands it to a chained plugin."""
    base = {"cniVersion": version, "name": "net", "type": "netvsc-cni", "state": str(state)}
    return base | {"prevResult": {"cniVersion": version, **PREVIOUS}} | more


def promised(names: Any) -> dict[str, Any]:
    """Return the runtimeConfig with the webhook's annotation."""
    value = names if isinstance(names, str) else json.dumps(names)
    return {"runtimeConfig": {"io.kubernetes.cri.pod-annotations": {INTERFACES: value}}}


def shim(
    verb: str,
    given: Any,
    pod: Pod | None = None,
    *,
    program: Path | None = None,
    **environment: str,
) -> Said:
    """Call the plugin as a runtime does; `given` is JSON, or bytes to be malformed."""
    known = {"CNI_COMMAND": verb, "CNI_PATH": "/opt/cni/bin", "CNI_IFNAME": "eth0"}
    if pod:
        known |= {"CNI_CONTAINERID": pod.container, "CNI_NETNS": pod.path}
        of_pod = f"K8S_POD_NAMESPACE=nf;K8S_POD_NAME={pod.container};K8S_POD_UID=uid-of-it"
        known |= {"CNI_ARGS": f"IgnoreUnknown=1;{of_pod}"}
    stdin = given if isinstance(given, bytes) else json.dumps(given).encode()
    return run([str(program or binary()), "cni"], stdin, known | environment)


def run(command: list[str], stdin: bytes, environment: dict[str, str]) -> Said:
    done = subprocess.run(
        command, input=stdin, env=environment, capture_output=True, check=False, timeout=30
    )
    assert done.stderr == b"", done.stderr
    assert done.returncode in {0, 1}, done
    return Said(done.returncode, json.loads(done.stdout) if done.stdout else None)
