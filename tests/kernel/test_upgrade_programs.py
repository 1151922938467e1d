"""fdpipe of this version beside that of the version before: in a pod, and as the runtime's plugin.

The older one is built as the cluster tests do it (cluster.deployments.previous_version).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.deployments import previous_version
from netvsc_deviceplugin.cni.deferred_calls import DeferredCalls
from netvsc_deviceplugin.sidecar.protocol import SidecarReport, parse
from sim.cni.calls import CniHost
from sim.cni.server import CniServer, config, promised, shim
from sim.sidecar.fdpipe import PCI, Pod, Reader, Sidecar, binary
from upgrade import exchange

pytestmark = pytest.mark.cluster

STATE = Path(exchange.__file__).parent / "state"
QUICK = ("--gate", "immediate", "--poll-ms", "20", "--settle-ms", "5")
Build = Callable[[str], Path]
OLD, NEW = previous_version.program, binary


class Upgraded:
    """A pod whose sidecar may be of either version each time that it starts."""

    def __init__(self, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pod = pod
        self._patch = monkeypatch

    def sidecar(self, build: Build) -> Sidecar:
        self._patch.setattr("sim.sidecar.fdpipe.binary", build)
        return self.pod.sidecar(*QUICK)

    def said(self) -> SidecarReport:
        return parse(self.pod.ask("status").splitlines()[0].encode())


@pytest.fixture
def upgraded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upgraded]:
    with Pod() as pod:
        yield Upgraded(pod, monkeypatch)


@pytest.mark.parametrize(("first", "second"), [(OLD, NEW), (NEW, OLD)], ids=["up", "down"])
def test_what_an_application_took_from_the_sidecar_of_one_version_the_others_goes_on_telling(
    upgraded: Upgraded, first: Build, second: Build
) -> None:
    pod = upgraded.pod
    upgraded.sidecar(first).kill()  # makes the pipe
    with Reader(pod.pipe) as reader:
        sidecar = upgraded.sidecar(first)
        pod.host.give("netvsc0")
        sidecar.wait_log("usable")
        assert reader.read() == b"\n"
        sidecar.wait_log("offered")
        assert reader.read() == f"{PCI}\n".encode()
        sidecar.wait_log("taken")
        assert pod.ask("guard 00 active").strip() == "ok"
        before = upgraded.said()
        sidecar.kill()

        upgraded.sidecar(second).wait_log("resumed")

        after = upgraded.said()
    assert (after.vf, after.application) == (before.vf, before.application)
    assert after.guard == before.guard == "active"
    assert after.line == before.line


def test_the_plugin_of_before_brings_a_pair_in_and_home_by_this_versions_agent() -> None:
    """For as long as the new agent has not replaced it."""
    program = OLD("fdpipe")
    with CniHost() as cni, CniServer(cni) as server:
        pod = cni.pod()
        server.give(1)
        given = config(cni.state, **promised({"fwd": {"netvsc.io/pair": ["netvsc0"]}}))
        assert shim("ADD", given, pod, program=program).code == 0
        assert cni.inside(1, pod)
        assert shim("CHECK", given, pod, program=program).code == 0
        assert shim("DEL", given, pod, program=program).body is None
        assert cni.on_host(1, pod)


@pytest.mark.parametrize("build", [OLD, NEW], ids=["before", "this"])
def test_the_deferred_call_that_either_plugin_leaves_without_an_agent_is_read_by_both_agents(
    build: Build, tmp_path: Path
) -> None:
    with CniHost() as cni:
        pod = cni.pod()
        assert shim("ADD", config(cni.state), pod, program=build("fdpipe")).code == 0
        [call] = DeferredCalls(cni.state).all()
        assert (call.container, call.netns) == (pod.container, pod.path)

        [old] = _read_by_the_old(cni.state / "passed", tmp_path)
        assert (old["container"], old["netns"]) == (call.container, call.netns)
        assert old["config"] == call.config


def _read_by_the_old(notes: Path, folder: Path) -> Any:
    state = folder / "state"
    shutil.copytree(STATE, state)
    shutil.rmtree(state / "run/passed")
    shutil.copytree(notes, state / "run/passed")
    return json.loads(exchange.by(previous_version.python(), "read", state))["passed"]
